import type { Tokenizer } from '../../text/tokenizer.js'
import { specialToken, type TokenizerJson, templateProcessing } from '../../text/tokenizerJson.js'

/** Tokens that stand for spans that were taken out; T5 has 100, texts here are short. */
const SENTINELS = 16
export const T5_END = '</s>'

const sentinel = (index: number): string => `<extra_id_${index}>`

/** A byte-level BPE in T5's manner: texts end in `</s>`, nothing leads them, and there are sentinels. */
export function t5Tokenizer(bpe: TokenizerJson): TokenizerJson {
  const vocab = bpe.model.vocab as Readonly<Record<string, number>>
  const size = Math.max(...Object.values(vocab)) + 1
  return {
    ...bpe,
    added_tokens: [
      ...bpe.added_tokens,
      ...Array.from({ length: SENTINELS }, (_, index) => specialToken(sentinel(index), size + index)),
    ],
    post_processor: templateProcessing(['$A', T5_END], (token) => vocab[token]!),
  }
}

/** Ids of the sentinels, in the order of their use. */
export const sentinelIds = (tokenizer: Tokenizer): number[] =>
  Array.from({ length: SENTINELS }, (_, index) => tokenizer.idOf(sentinel(index)))
