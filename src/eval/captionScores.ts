/** The words of a text as they are compared: lower case, punctuation and symbols are spaces. */
export function normalizeText(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\p{P}\p{S}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Whether the caption is one of the right answers. */
export function isExactMatch(caption: string, answers: readonly string[]): boolean {
  const normal = normalizeText(caption)
  return answers.some((answer) => normalizeText(answer) === normal)
}

/** The harmonic mean of precision and recall over words, against the answer it is best for. */
export function wordF1(caption: string, answers: readonly string[]): number {
  return Math.max(0, ...answers.map((answer) => overlap(wordsOf(caption), wordsOf(answer))))
}

const wordsOf = (text: string): string[] =>
  normalizeText(text)
    .split(' ')
    .filter((word) => word !== '')

function overlap(found: readonly string[], wanted: readonly string[]): number {
  const left = [...wanted]
  let shared = 0
  for (const word of found) {
    const at = left.indexOf(word)
    if (at < 0) continue
    left.splice(at, 1)
    shared++
  }
  return shared === 0 ? 0 : (2 * shared) / (found.length + wanted.length)
}
