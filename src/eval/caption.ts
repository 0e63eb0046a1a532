import { DataError } from '../errors.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { CaptionOptions } from '../tasks/captioner.js'
import type { BootstrapOptions, Interval } from './bootstrap.js'
import { isExactMatch, wordF1 } from './captionScores.js'
import { type EvaluationPicture, type EvaluationSet, spread } from './evaluationSet.js'
import type { PredictionLog } from './predictionLog.js'
import { type CaptionMetric, type CaptionMetricScores, scoreCaptions } from './metrics/captionMetrics.js'

export interface CaptionScores {
  readonly count: number
  /** Part of the captions that are a right answer: lower case, without punctuation. */
  readonly exactMatch: number
  /** Mean over the pictures of the words' F1 against the best answer. */
  readonly wordF1: number
}

export interface CaptionReport extends CaptionScores {
  readonly data: string
  /** For emoji: without and with a skin tone. */
  readonly base?: CaptionScores
  readonly skinTone?: CaptionScores
  /** For emoji by vendor, for NoCaps by domain. */
  readonly byStyle?: Readonly<Record<string, CaptionScores>>
  /** Where they were asked for. */
  readonly coco?: CocoScores
}

/** coco-caption's scores. */
export interface CocoScores {
  readonly scores: CaptionMetricScores
  readonly intervals: Readonly<Partial<Record<CaptionMetric, Interval>>>
  /** For NoCaps by domain, each scored on its own, so with document frequencies of its own. */
  readonly byStyle?: Readonly<Record<string, CaptionMetricScores>>
}

export interface CaptionedPicture {
  readonly id: string
  readonly caption: string
  readonly answers: readonly string[]
  readonly exact: boolean
  readonly wordF1: number
}

export interface CaptionEvaluationOptions extends CaptionOptions {
  /** Pictures used, spread evenly over the set; default all. */
  readonly limit?: number
  /** coco-caption's scores as well, with METEOR or without. Default none. */
  readonly cocoMetrics?: BootstrapOptions & { readonly meteor?: boolean }
  /** Captions of an earlier run, by picture id, which are not made again; new ones are added to it. */
  readonly log?: PredictionLog
  readonly onPicture?: (picture: CaptionedPicture, done: number, total: number) => void
}

/** Pictures between two calls of `onPicture`. */
const CHUNK = 64

/** Captions a set and compares with its right answers. */
export async function evaluateCaptions(
  model: Blip2,
  set: EvaluationSet,
  { limit = Number.POSITIVE_INFINITY, cocoMetrics, log, onPicture, ...options }: CaptionEvaluationOptions = {},
): Promise<CaptionReport> {
  const pictures = spread(set.pictures, limit)
  const captioned: Captioned[] = []
  for (let start = 0; start < pictures.length; start += CHUNK) {
    const part = pictures.slice(start, start + CHUNK)
    const left = part.filter(({ id }) => !log?.known.has(id))
    const captions = await model.caption(
      left.map(({ image }) => image),
      options,
    )
    const fresh = new Map(captions.map(({ text }, i) => [left[i]!.id, text]))
    await log?.append([...fresh].map(([id, prediction]) => ({ id, prediction })))
    for (const { id, captions: answers, base, style } of part) {
      const text = fresh.get(id) ?? log!.known.get(id)!
      const scored = {
        id,
        caption: text,
        answers,
        exact: isExactMatch(text, answers),
        wordF1: wordF1(text, answers),
      }
      captioned.push({ ...scored, ...(base === undefined ? {} : { base }), ...(style === undefined ? {} : { style }) })
      onPicture?.(scored, captioned.length, pictures.length)
    }
  }
  return {
    data: set.name,
    ...average(captioned),
    ...groups(captioned),
    ...(cocoMetrics ? { coco: cocoScores(captioned, cocoMetrics) } : {}),
  }
}

function cocoScores(captioned: readonly Captioned[], { meteor = true, ...bootstrap }: CocoMetrics): CocoScores {
  const score = (pictures: readonly Captioned[]) =>
    scoreCaptions(
      pictures.map(({ caption, answers }) => ({ hypothesis: caption, references: answers })),
      { meteor },
    )
  const { corpus, intervals } = score(captioned)
  const styles = stylesOf(captioned)
  return {
    scores: corpus,
    intervals: intervals(bootstrap),
    ...(styles.length > 0
      ? { byStyle: Object.fromEntries(styles.map((style) => [style, score(ofStyle(captioned, style)).corpus])) }
      : {}),
  }
}

type CocoMetrics = NonNullable<CaptionEvaluationOptions['cocoMetrics']>
type Captioned = CaptionedPicture & Pick<EvaluationPicture, 'base' | 'style'>

const stylesOf = (captioned: readonly Captioned[]): string[] => [
  ...new Set(captioned.flatMap(({ style }) => style ?? [])),
]

const ofStyle = (captioned: readonly Captioned[], wanted: string): Captioned[] =>
  captioned.filter(({ style }) => style === wanted)

function groups(captioned: readonly Captioned[]) {
  const [base, toned] = [true, false].map((wanted) => captioned.filter((picture) => picture.base === wanted))
  const styles = stylesOf(captioned)
  return {
    ...(base!.length > 0 ? { base: average(base!) } : {}),
    ...(toned!.length > 0 ? { skinTone: average(toned!) } : {}),
    ...(styles.length > 0
      ? {
          byStyle: Object.fromEntries(styles.map((style) => [style, average(ofStyle(captioned, style))])),
        }
      : {}),
  }
}

function average(captioned: readonly CaptionedPicture[]): CaptionScores {
  const count = captioned.length
  if (count === 0) throw new DataError('there is no picture to caption')
  const sum = (score: (picture: CaptionedPicture) => number) =>
    captioned.reduce((total, picture) => total + score(picture), 0)
  return {
    count,
    exactMatch: sum(({ exact }) => (exact ? 1 : 0)) / count,
    wordF1: sum((picture) => picture.wordF1) / count,
  }
}
