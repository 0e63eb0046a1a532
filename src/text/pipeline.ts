import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { DataError } from '../errors.js'
import type { TokenizerJson } from './tokenizerJson.js'

/**
 * What is used of @huggingface/tokenizers, written out here because the package's own declarations do not resolve
 * under Node's module rules.
 */
export interface Pipeline {
  normalizer: ((text: string) => string) | null
  pre_tokenizer: ((text: string) => string[]) | null
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] }
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string
  token_to_id(token: string): number | undefined
  get_vocab(withAddedTokens: boolean): Map<string, number>
}

/** Throws DataError where the object is not a tokenizer.json, or has a part the package does not know. */
export function openPipeline(json: TokenizerJson): Pipeline {
  try {
    return new HuggingFaceTokenizer(json, {}) as Pipeline
  } catch (cause) {
    throw new DataError(
      `This tokenizer.json cannot be used: ${String(cause)}. Expected Hugging Face's tokenizer.json format.`,
      {
        cause,
      },
    )
  }
}
