import { BYTE_SYMBOLS } from '../text/byteLevel.js'
import { specialToken, type TokenizerJson, templateProcessing } from '../text/tokenizerJson.js'
import { OPT_SPECIAL_TOKENS, optTokenizerJson } from '../text/trainBpe.js'

/** Where OPT's vocabulary has the line break, which ends a text in BLIP-2. */
const OPT_NEWLINE_ID = 50_118
const NEWLINE_SYMBOL = BYTE_SYMBOLS['\n'.charCodeAt(0)]!
/** Rows at the end of OPT's padded embedding table that no token has. */
const OPT_UNUSED_ROWS = 7
const T5_SPECIAL_TOKENS = ['<pad>', '</s>', '<unk>'] as const

/**
 * A byte-level tokenizer of OPT's form for a model without training: bytes, and made-up words (w17) for all other ids.
 * @param vocabularySize At least 260.
 */
export function madeUpOptTokenizer(vocabularySize: number): TokenizerJson {
  const full = vocabularySize > OPT_NEWLINE_ID
  const bytes = full ? BYTE_SYMBOLS.filter((symbol) => symbol !== NEWLINE_SYMBOL) : BYTE_SYMBOLS
  const tokens: string[] = [...OPT_SPECIAL_TOKENS, ...bytes]
  const size = full ? vocabularySize - OPT_UNUSED_ROWS : vocabularySize
  while (tokens.length < size) tokens.push(tokens.length === OPT_NEWLINE_ID ? NEWLINE_SYMBOL : `Ġw${tokens.length}`)
  return optTokenizerJson(tokens, [])
}

/** The id of the line break in `madeUpOptTokenizer`. */
export const optNewlineId = (vocabularySize: number): number =>
  vocabularySize > OPT_NEWLINE_ID ? OPT_NEWLINE_ID : OPT_SPECIAL_TOKENS.length + '\n'.charCodeAt(0)

/**
 * A unigram tokenizer of T5's form for a model without training: printable ASCII, and made-up words for all other ids.
 * @param vocabularySize At least 98.
 */
export function madeUpT5Tokenizer(vocabularySize: number): TokenizerJson {
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i))
  const tokens: string[] = [...T5_SPECIAL_TOKENS, '▁', ...letters]
  while (tokens.length < vocabularySize) tokens.push(`▁w${tokens.length}`)
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: T5_SPECIAL_TOKENS.map((token, id) => specialToken(token, id)),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', add_prefix_space: true, prepend_scheme: 'always' },
    post_processor: templateProcessing(['$A', '</s>'], (token) => tokens.indexOf(token)),
    decoder: { type: 'Metaspace', replacement: '▁', add_prefix_space: true, prepend_scheme: 'always' },
    model: { type: 'Unigram', unk_id: 2, vocab: tokens.map((token) => [token, -token.length]) },
  }
}
