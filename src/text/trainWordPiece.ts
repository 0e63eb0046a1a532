import { ConfigError } from '../errors.js'
import { type CountedWord, learnMerges } from './learnMerges.js'
import { openPipeline } from './pipeline.js'
import { specialToken, type TokenizerJson, templateProcessing } from './tokenizerJson.js'

/** BERT's special tokens, first in the vocabulary. `[DEC]`, which starts a text to be generated, is its last token. */
export const BERT_SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const
export const DECODE_TOKEN = '[DEC]'

const CONTINUING = '##'
const MAX_WORD_CHARACTERS = 100

export interface TrainWordPieceOptions {
  /** Tokens in all, the six special ones included (fewer if the corpus has no more). */
  vocabularySize: number
  /** A pair must be this frequent to be merged. Default 2. */
  minCount?: number
  /** Characters kept beside printable ASCII, most frequent first. Words with any other are left out. Default 64. */
  maxOtherCharacters?: number
}

/**
 * Trains a WordPiece vocabulary of BERT's form (lower case, accents stripped, `##` before what continues a word) on
 * texts and returns its tokenizer.json. Symbols are merged by frequency, as in Hugging Face's trainer; text is then cut
 * into the longest known pieces. Printable ASCII text never gives `[UNK]`. The same texts give the same file.
 */
export function trainWordPiece(
  texts: Iterable<string>,
  { vocabularySize, minCount = 2, maxOtherCharacters = 64 }: TrainWordPieceOptions,
): TokenizerJson {
  const counts = countWords(texts)
  const kept = new Set([...ASCII_CHARACTERS, ...frequentOthers(counts, maxOtherCharacters)])
  const words = pieceWords(counts, kept)
  const alphabet = startingPieces(words)
  const smallest = BERT_SPECIAL_TOKENS.length + alphabet.length + 1
  if (!Number.isInteger(vocabularySize) || vocabularySize < smallest) {
    throw new ConfigError(
      `This corpus needs at least ${smallest} WordPiece tokens; vocabularySize is ${vocabularySize}.`,
    )
  }
  const { symbols } = learnMerges({
    alphabet,
    words,
    maxSymbols: vocabularySize - BERT_SPECIAL_TOKENS.length - 1,
    minCount,
    join: (left, right) => left + right.slice(CONTINUING.length),
  })
  return bertTokenizerJson([...BERT_SPECIAL_TOKENS, ...symbols, DECODE_TOKEN])
}

/** The tokenizer.json of BERT with these tokens. */
function bertTokenizerJson(tokens: readonly string[]): TokenizerJson {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...BERT_SPECIAL_TOKENS, DECODE_TOKEN].map((token) => specialToken(token, vocab[token]!)),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: templateProcessing(['[CLS]', '$A', '[SEP]'], (token) => vocab[token]!),
    decoder: { type: 'WordPiece', prefix: CONTINUING, cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: CONTINUING,
      max_input_chars_per_word: MAX_WORD_CHARACTERS,
      vocab,
    },
  }
}

const ASCII_CHARACTERS = Array.from({ length: 0x7e - 0x21 + 1 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
  (character) => character === character.toLowerCase(),
)

/** Words cut by the very code that will encode. It works within white space, so each chunk is done once. */
function countWords(texts: Iterable<string>): Map<string, number> {
  const chunks = new Map<string, number>()
  for (const text of texts) {
    for (const chunk of text.split(/\s+/)) chunks.set(chunk, (chunks.get(chunk) ?? 0) + 1)
  }
  const { normalizer, pre_tokenizer: preTokenizer } = openPipeline(
    bertTokenizerJson([...BERT_SPECIAL_TOKENS, DECODE_TOKEN]),
  )
  const words = new Map<string, number>()
  for (const [chunk, count] of chunks) {
    for (const word of preTokenizer!(normalizer!(chunk))) {
      words.set(word, (words.get(word) ?? 0) + count)
    }
  }
  return words
}

function frequentOthers(words: ReadonlyMap<string, number>, limit: number): string[] {
  const ascii = new Set(ASCII_CHARACTERS)
  const counts = new Map<string, number>()
  for (const [word, count] of words) {
    for (const character of word) {
      if (!ascii.has(character)) counts.set(character, (counts.get(character) ?? 0) + count)
    }
  }
  return [...counts]
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([character]) => character)
}

function pieceWords(words: ReadonlyMap<string, number>, kept: ReadonlySet<string>): CountedWord[] {
  const rows: CountedWord[] = []
  for (const [word, count] of words) {
    const characters = [...word]
    if (characters.length > MAX_WORD_CHARACTERS || !characters.every((character) => kept.has(character))) continue
    rows.push({ symbols: characters.map((character, i) => (i === 0 ? character : CONTINUING + character)), count })
  }
  return rows
}

/** Every piece of one character: all of ASCII, letters and digits also as continuations, and what the words hold. */
function startingPieces(words: readonly CountedWord[]): string[] {
  const pieces = new Set(words.flatMap(({ symbols }) => symbols))
  for (const character of ASCII_CHARACTERS) {
    pieces.add(character)
    if (/[a-z0-9]/.test(character)) pieces.add(CONTINUING + character)
  }
  return [...pieces].sort()
}
