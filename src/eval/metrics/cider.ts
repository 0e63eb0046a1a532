import type { CaptionPair } from './captionPair.js'
import { ngramCounts, wordsOf } from './ngrams.js'

/** n-grams of one to four words. */
const ORDERS = [1, 2, 3, 4] as const
/** Width of the penalty on a difference in length, in bigrams. */
const SIGMA = 6
const SCALE = 10

/** For each order the tf-idf weights of a caption's n-grams, and their Euclidean norm. */
interface TfIdf {
  readonly orders: readonly { readonly weights: ReadonlyMap<string, number>; readonly norm: number }[]
  /** In bigrams, which coco-caption takes for the length. */
  readonly length: number
}

/**
 * CIDEr-D of each caption, 0 to 10; the corpus score is the mean (Vedantam et al. 2015, as coco-caption computes it).
 * An n-gram's document frequency is the number of pictures of which a reference has it, so the score of one caption
 * depends on the corpus and a corpus of one picture scores 0. Term frequencies are counts.
 */
export function cider(pairs: readonly CaptionPair[]): number[] {
  const references = pairs.map((pair) => pair.references.map(countOrders))
  const frequency = documentFrequency(references)
  const logPictures = Math.log(pairs.length)
  const idf = (ngram: string) => logPictures - Math.log(Math.max(1, frequency.get(ngram) ?? 0))
  return pairs.map(({ hypothesis }, i) => {
    const own = tfIdf(countOrders(hypothesis), idf)
    const similarities = references[i]!.map((counts) => similarity(own, tfIdf(counts, idf)))
    return (SCALE * similarities.reduce((sum, value) => sum + value, 0)) / similarities.length
  })
}

type Counts = readonly ReadonlyMap<string, number>[]

function countOrders(caption: string): Counts {
  const words = wordsOf(caption)
  return ORDERS.map((n) => ngramCounts(words, n))
}

function documentFrequency(references: readonly (readonly Counts[])[]): Map<string, number> {
  const frequency = new Map<string, number>()
  for (const ofPicture of references) {
    const ngrams = new Set(ofPicture.flatMap((orders) => orders.flatMap((counts) => [...counts.keys()])))
    for (const ngram of ngrams) frequency.set(ngram, (frequency.get(ngram) ?? 0) + 1)
  }
  return frequency
}

function tfIdf(counts: Counts, idf: (ngram: string) => number): TfIdf {
  const orders = counts.map((ofOrder) => {
    const weights = new Map<string, number>()
    let squares = 0
    for (const [ngram, count] of ofOrder) {
      const weight = count * idf(ngram)
      weights.set(ngram, weight)
      squares += weight ** 2
    }
    return { weights, norm: Math.sqrt(squares) }
  })
  return { orders, length: [...counts[1]!.values()].reduce((sum, count) => sum + count, 0) }
}

/** Mean over the orders of the clipped cosine, times the length penalty. */
function similarity(hypothesis: TfIdf, reference: TfIdf): number {
  const penalty = Math.exp(-((hypothesis.length - reference.length) ** 2) / (2 * SIGMA ** 2))
  const cosines = hypothesis.orders.map(({ weights, norm }, order) => {
    const other = reference.orders[order]!
    let dot = 0
    for (const [ngram, weight] of weights) {
      const wanted = other.weights.get(ngram) ?? 0
      dot += Math.min(weight, wanted) * wanted
    }
    return norm !== 0 && other.norm !== 0 ? dot / (norm * other.norm) : dot
  })
  return (penalty * cosines.reduce((sum, value) => sum + value, 0)) / ORDERS.length
}
