import type { CaptionPair } from './captionPair.js'

/** Recall weighs beta^2 times as much as precision (coco-caption). */
const BETA = 1.2

/**
 * ROUGE-L of one caption (Lin 2004): F-measure of the longest common subsequence. As in coco-caption the best precision
 * and the best recall may come from different references, and words are what single spaces separate.
 */
export function rougeL({ hypothesis, references }: CaptionPair): number {
  const words = hypothesis.split(' ')
  let precision = 0
  let recall = 0
  for (const reference of references.map((text) => text.split(' '))) {
    const common = longestCommonSubsequence(words, reference)
    precision = Math.max(precision, common / words.length)
    recall = Math.max(recall, common / reference.length)
  }
  if (precision === 0 || recall === 0) return 0
  return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision)
}

function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let previous = new Array<number>(b.length + 1).fill(0)
  for (const word of a) {
    const row = [0]
    for (let j = 1; j <= b.length; j++)
      row.push(word === b[j - 1] ? previous[j - 1]! + 1 : Math.max(previous[j]!, row[j - 1]!))
    previous = row
  }
  return previous[b.length]!
}
