import { VQA_CONTRACTIONS } from './vqaContractions.js'

const PUNCTUATION = [...';/[]"{}()=+\\_-><@`,?!']
const DIGIT_COMMA_DIGIT = /\p{Nd},\p{Nd}/u
const ARTICLES = new Set(['a', 'an', 'the'])
const NUMBERS: ReadonlyMap<string, string> = new Map(
  [
    'none 0',
    'zero 0',
    'one 1',
    'two 2',
    'three 3',
    'four 4',
    'five 5',
    'six 6',
    'seven 7',
    'eight 8',
    'nine 9',
    'ten 10',
  ].map((entry) => entry.split(' ') as [string, string]),
)
/** The official code passes a flag where the number of replacements belongs: re.UNICODE is 32. */
const PERIODS_REMOVED = 32

/** A prediction as the official VQA evaluation compares it. */
export const normalizeAnswer = (answer: string): string =>
  stripArticles(stripPunctuation(answer.replace(/[\n\t]/g, ' ').trim()))

/**
 * Punctuation as the official evaluation treats it: a mark that has a space beside it anywhere in the answer is deleted
 * everywhere, any other becomes a space; where a comma stands between two digits anywhere, every mark is deleted.
 * Periods go unless a digit follows, 32 of them at most; `.`, `'`, `:`, `$`, `%`, `&` are not marks.
 */
export function stripPunctuation(answer: string): string {
  const numeric = DIGIT_COMMA_DIGIT.test(answer)
  let result = answer
  for (const mark of PUNCTUATION) {
    const spaced = answer.includes(`${mark} `) || answer.includes(` ${mark}`)
    result = result.replaceAll(mark, numeric || spaced ? '' : ' ')
  }
  let left = PERIODS_REMOVED
  return result.replace(/\.(?!\p{Nd})/gu, (period) => (left-- > 0 ? '' : period))
}

/** Lower case, number words as digits, no articles, contractions with their apostrophe, single spaces. */
export function stripArticles(answer: string, contractions = VQA_CONTRACTIONS): string {
  return answer
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ')
}

/**
 * The normalisation that the official code describes, without its slips: commas between digits and periods that are not
 * part of a number are deleted, every other mark is a space, contractions with "I" are found, and "somebody'd" keeps its
 * apostrophe. Idempotent.
 */
export function normalizeAnswerFixed(answer: string): string {
  const marks = answer
    .replace(/(?<=\p{Nd}),(?=\p{Nd})/gu, '')
    .replace(/(?<!\p{Nd})\.(?!\p{Nd})|(?<=\p{Nd})\.(?!\p{Nd})|(?<=[^\p{Nd}\s])\.(?=\p{Nd})/gu, '')
  return stripArticles(marks.replace(/[;/[\]"{}()=+\\_\-><@`,?!]/g, ' '), FIXED_CONTRACTIONS)
}

const FIXED_CONTRACTIONS: ReadonlyMap<string, string> = new Map([
  ...[...VQA_CONTRACTIONS].map(([from, to]) => [from.toLowerCase(), to.toLowerCase()] as const),
  ["somebody'd", "somebody'd"],
  ['somebodyd', "somebody'd"],
])
