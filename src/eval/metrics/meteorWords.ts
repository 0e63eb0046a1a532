const LETTER = 'A-Za-z\\p{L}\\p{M}'
const pattern = (source: string) => new RegExp(source, 'gu')

const SYMBOL = pattern(`([^${LETTER}0-9\\s.'\`,‘’-])`)
const INNER_HYPHEN = pattern(`(?<=[${LETTER}0-9])-(?=[${LETTER}0-9])`)
const INNER_APOSTROPHE = pattern(`(?<=[${LETTER}])'(?=[${LETTER}])`)
const OTHER_APOSTROPHE = pattern(`(?<![${LETTER}])'|'(?![${LETTER}])`)

/** Words that keep a final period even before a capital or a number; the second set only before a number. */
const NONBREAKING = new Set(['v', 'vs', 'rev'])
const NONBREAKING_BEFORE_NUMBER = new Set(['pp'])

/**
 * Splits a line as METEOR's -norm does (Moses' tokenizer): symbols stand alone, a hyphen inside a word becomes a space, an
 * apostrophe begins a word or stands alone, and so does a final period. line: in lower case, without quotation marks.
 */
export function meteorWords(line: string): string[] {
  const words = line
    .replace(SYMBOL, ' $1 ')
    .replace(/(?<![0-9]),|,(?![0-9])/g, ' , ')
    .replace(/[`‘’]/g, "'")
    .replace(INNER_HYPHEN, ' ')
    .replace(OTHER_APOSTROPHE, " ' ")
    .replace(INNER_APOSTROPHE, " '")
    .split(/\s+/)
    .filter((word) => word !== '')
  return words.flatMap((word, i) => splitPeriod(word, words[i + 1] ?? ''))
}

function splitPeriod(word: string, next: string): string[] {
  if (word.length < 2 || !word.endsWith('.')) return [word]
  const stem = word.slice(0, -1)
  if (stem.includes('.') && /\p{L}/u.test(stem)) return [word.replaceAll('.', '')]
  const stays =
    NONBREAKING.has(stem) || /^\p{Ll}/u.test(next) || (NONBREAKING_BEFORE_NUMBER.has(stem) && /^[0-9]/.test(next))
  return stays ? [word] : [stem, '.']
}
