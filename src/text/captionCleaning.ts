/**
 * The text processors of the paper's released code (`blip_caption`, `blip_question`). Training captions must be cleaned
 * in exactly this way before a published Q-Former sees them.
 */

const PUNCTUATION = /[.!"()*#:;~]/g
const MAX_WORDS = 50

export interface CaptionCleaningOptions {
  /** Put before the cleaned caption as it stands, e.g. `'a photo of '`; it is not cleaned. Default: none. */
  prompt?: string
  /** Words kept, counted by single spaces. Default 50. */
  maxWords?: number
}

/**
 * Lower-cases a caption, turns `.!"()*#:;~` into spaces, collapses runs of white space and keeps the first 50 words.
 * Commas, question marks, apostrophes and hyphens stay.
 */
export function cleanCaption(
  caption: string,
  { prompt = '', maxWords = MAX_WORDS }: CaptionCleaningOptions = {},
): string {
  const cleaned = caption
    .toLowerCase()
    .replace(PUNCTUATION, ' ')
    .replace(/\s{2,}/g, ' ')
    .replace(/\n+$/, '')
    .replace(/^ +| +$/g, '')
  return prompt + firstWords(cleaned, maxWords)
}

/** Lower-cases a question, deletes `.!"()*#:;~` (no space is left) and trailing spaces, and keeps the first 50 words. */
export function cleanQuestion(question: string, { maxWords = MAX_WORDS }: { maxWords?: number } = {}): string {
  const cleaned = question.toLowerCase().replace(PUNCTUATION, '').replace(/ +$/, '')
  return firstWords(cleaned, maxWords)
}

function firstWords(text: string, maxWords: number): string {
  const words = text.split(' ')
  return words.length > maxWords ? words.slice(0, maxWords).join(' ') : text
}
