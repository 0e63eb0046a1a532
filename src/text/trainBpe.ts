import { ConfigError } from '../errors.js'
import { BYTE_SYMBOLS, GPT2_WORDS, toByteSymbols } from './byteLevel.js'
import { type CountedWord, learnMerges } from './learnMerges.js'
import { specialToken, type TokenizerJson, templateProcessing } from './tokenizerJson.js'

/** OPT's special tokens at OPT's ids. `</s>` leads every text. */
export const OPT_SPECIAL_TOKENS = ['<s>', '<pad>', '</s>', '<unk>'] as const

const NEWLINE_SYMBOL = BYTE_SYMBOLS['\n'.charCodeAt(0)]!

export interface TrainBpeOptions {
  /** Tokens in all: 4 special ones, 256 bytes, and merges up to this size (fewer if the corpus has no more). */
  vocabularySize: number
  /** A pair must be this frequent to be merged. Default 2. */
  minCount?: number
}

/**
 * Trains a byte-level BPE of OPT's and GPT-2's form on texts and returns its tokenizer.json. The same texts in the same
 * order always give the same file. No merge crosses or holds a line break: `"\n"`, which ends a caption in BLIP-2 with
 * OPT, is always a token of its own.
 */
export function trainBpe(texts: Iterable<string>, { vocabularySize, minCount = 2 }: TrainBpeOptions): TokenizerJson {
  const smallest = OPT_SPECIAL_TOKENS.length + BYTE_SYMBOLS.length
  if (!Number.isInteger(vocabularySize) || vocabularySize < smallest) {
    throw new ConfigError(
      `A byte-level vocabulary needs at least ${smallest} tokens; vocabularySize is ${vocabularySize}.`,
    )
  }
  const { symbols, merges } = learnMerges({
    alphabet: BYTE_SYMBOLS,
    words: byteWords(texts),
    maxSymbols: vocabularySize - OPT_SPECIAL_TOKENS.length,
    minCount,
    join: (left, right) => left + right,
  })
  const tokens = [...OPT_SPECIAL_TOKENS, ...symbols]
  return optTokenizerJson(tokens, merges)
}

function byteWords(texts: Iterable<string>): CountedWord[] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of text.match(GPT2_WORDS) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts]
    .map(([word, count]) => ({ symbols: toByteSymbols(word), count }))
    .filter(({ symbols }) => !symbols.includes(NEWLINE_SYMBOL))
}

/** The tokenizer.json of OPT's form with this vocabulary, the special tokens first. */
export function optTokenizerJson(tokens: readonly string[], merges: unknown): TokenizerJson {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: OPT_SPECIAL_TOKENS.map((token, id) => specialToken(token, id)),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: templateProcessing(['</s>', '$A'], (token) => vocab[token]!),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  }
}
