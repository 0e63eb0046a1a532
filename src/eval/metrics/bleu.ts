import type { CaptionPair } from './captionPair.js'
import { ngramCounts, wordsOf } from './ngrams.js'

/** n-grams of one to four words. */
export const BLEU_ORDERS = 4

/** What BLEU needs to know of one caption; a corpus is the sum of its captions. */
export interface BleuStatistics {
  readonly length: number
  /** Length of the reference that is closest in length, the shorter one where two are. */
  readonly referenceLength: number
  /** n-grams of the caption, by order. */
  readonly guessed: readonly number[]
  /** Those that a reference has as well, each at most as often as the reference that has it most. */
  readonly correct: readonly number[]
}

// The constants of coco-caption: a caption without a match scores almost 0, and nothing is divided by 0.
const TINY = 1e-15
const SMALL = 1e-9

export function bleuStatistics({ hypothesis, references }: CaptionPair): BleuStatistics {
  const words = wordsOf(hypothesis)
  const referenceWords = references.map(wordsOf)
  const orders = Array.from({ length: BLEU_ORDERS }, (_, i) => i + 1)
  return {
    length: words.length,
    referenceLength: closest(
      words.length,
      referenceWords.map((reference) => reference.length),
    ),
    guessed: orders.map((n) => Math.max(0, words.length - n + 1)),
    correct: orders.map((n) => clippedMatches(words, referenceWords, n)),
  }
}

/**
 * BLEU-1 to BLEU-4 of a corpus, or of a list of one caption (Papineni et al. 2002): the geometric means of the first k
 * clipped precisions, times the brevity penalty.
 */
export function bleu(statistics: readonly BleuStatistics[]): number[] {
  let length = 0
  let referenceLength = 0
  const guessed = new Array<number>(BLEU_ORDERS).fill(0)
  const correct = new Array<number>(BLEU_ORDERS).fill(0)
  for (const caption of statistics) {
    length += caption.length
    referenceLength += caption.referenceLength
    for (let i = 0; i < BLEU_ORDERS; i++) {
      guessed[i]! += caption.guessed[i]!
      correct[i]! += caption.correct[i]!
    }
  }
  const ratio = (length + TINY) / (referenceLength + SMALL)
  const brevityPenalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  return guessed.map((total, i) => {
    product *= (correct[i]! + TINY) / (total + SMALL)
    return product ** (1 / (i + 1)) * brevityPenalty
  })
}

const closest = (length: number, lengths: readonly number[]): number =>
  lengths.reduce((best, candidate) => {
    const gain = Math.abs(best - length) - Math.abs(candidate - length)
    return gain > 0 || (gain === 0 && candidate < best) ? candidate : best
  })

function clippedMatches(words: readonly string[], references: readonly (readonly string[])[], n: number): number {
  const known = references.map((reference) => ngramCounts(reference, n))
  let matches = 0
  for (const [ngram, count] of ngramCounts(words, n))
    matches += Math.min(count, Math.max(...known.map((counts) => counts.get(ngram) ?? 0)))
  return matches
}
