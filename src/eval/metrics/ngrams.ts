/** The words of a tokenised caption. */
export const wordsOf = (caption: string): string[] => caption.split(/\s+/).filter((word) => word !== '')

/** How often each run of `n` words occurs; a run is its words joined by spaces. */
export function ngramCounts(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let start = 0; start + n <= words.length; start++) {
    const ngram = words.slice(start, start + n).join(' ')
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
  }
  return counts
}
