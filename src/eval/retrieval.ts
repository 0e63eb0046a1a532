import { DataError } from '../errors.js'
import type { ImageSource } from '../image/decode.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import { rerankScore } from '../tasks/rank.js'
import { cosine, type Pair } from '../tasks/retriever.js'
import { type BootstrapOptions, bootstrapMean, type Interval } from './bootstrap.js'
import { type EvaluationSet, spread } from './evaluationSet.js'
import { recallAt } from './metrics/recall.js'
import { retrievalCandidates } from './retrievalCandidates.js'
import { type FoundEntry, rankLogged, type RetrievalLog } from './retrievalLog.js'

/** Part of the queries with a right answer first, or among the first 5 or 10. */
export interface RetrievalRecalls {
  /** Of a picture, whose names are found. */
  readonly textRecallAt1: number
  readonly textRecallAt5: number
  readonly textRecallAt10: number
  /** Of a name, whose pictures are found. */
  readonly imageRecallAt1: number
  readonly imageRecallAt5: number
  readonly imageRecallAt10: number
  /** By ITC alone. */
  readonly itcTextRecallAt1: number
  readonly itcImageRecallAt1: number
}

export interface RetrievalReport extends RetrievalRecalls {
  readonly data: string
  /** Pictures that are named, and searched: for emoji those without a skin tone. */
  readonly pictures: number
  /** Names that a picture is compared with: all right answers of these pictures. */
  readonly names: number
  /** Names that pictures are searched for. Fewer than `names` only under a limit. */
  readonly nameQueries: number
  /** Candidates by ITC that are scored by ITM. */
  readonly k: number
  /** Over the queries of each direction: 95 %, or the level asked for. */
  readonly intervals: Readonly<Record<keyof RetrievalRecalls, Interval>>
  /** textRecallAt1 by vendor for emoji, by domain for NoCaps. */
  readonly textRecallAt1ByStyle?: Readonly<Record<string, number>>
  /** For emoji: part of all pictures, whatever the limit, that the nearest drawing of the training vendors names, by raw pixels. */
  readonly nearestNeighbourRecallAt1?: number
}

/** A picture that was named, to be shown. */
export interface NamedPicture {
  readonly id: string
  readonly image: ImageSource
  readonly style?: string
  /** The name in the first place, and the right ones. */
  readonly name: string
  readonly answers: readonly string[]
  /** Place of the best right name, 0 for the first; infinite beyond the tenth. */
  readonly rank: number
}

export interface RetrievalOptions {
  /** Default 16. */
  readonly k?: number
  /** Pictures used, spread evenly over the set; default all. */
  readonly limit?: number
  /** Of the intervals. */
  readonly bootstrap?: BootstrapOptions
  /** Queries of an earlier run, which are not ranked again; new ones are added to it. */
  readonly log?: RetrievalLog
  readonly onPicture?: (picture: NamedPicture) => void
  readonly onProgress?: (doing: string, done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** Pictures encoded between two reports of progress. */
const CHUNK = 128

/**
 * Picture to name and name to picture over a set: ITC ranks all, and the k best are ordered by ITM logit + ITC cosine
 * (`rerankScore`). A name is right when it is any caption of the picture.
 */
export async function evaluateRetrieval(
  model: Blip2,
  set: EvaluationSet,
  { k = 16, limit = Number.POSITIVE_INFINITY, bootstrap, log, onPicture, onProgress, signal }: RetrievalOptions = {},
): Promise<RetrievalReport> {
  const stop = signal ? { signal } : {}
  const all = set.pictures.filter(({ base }) => base !== false)
  const pictures = spread(all, limit)
  if (pictures.length === 0) throw new DataError(`${set.name} has no picture to name`)
  const names = retrievalCandidates(set, all)

  const encoded: EncodedImage[] = []
  const imageVectors: Float32Array[] = []
  for (let start = 0; start < pictures.length; start += CHUNK) {
    const images = pictures.slice(start, start + CHUNK).map(({ image }) => image)
    const part = await model.encode(images, stop)
    encoded.push(...part)
    imageVectors.push(...(await model.embedImage(part, stop)))
    onProgress?.('encoding pictures', encoded.length, pictures.length)
  }
  const nameVectors = await model.embedText(
    names.map(({ text }) => text),
    stop,
  )
  const yesLogits = async (pairs: readonly Pair[]) => (await model.matchLogits(pairs, stop)).map(([, yes]) => yes)

  const toNames = await rankLogged(log, {
    queries: pictures.map(({ id }) => `picture ${id}`),
    nameOf: (name) => names[name]!.text,
    columns: names.length,
    k,
    cosine: (picture, name) => cosine(imageVectors[picture]!, nameVectors[name]!),
    scoreOf: rerankScore(model.retrievalConfig),
    isRight: (picture, name) => names[name]!.pictures.has(pictures[picture]!),
    matchLogits: (pairs) => yesLogits(pairs.map(([picture, name]) => [encoded[picture]!, names[name]!.text])),
    onProgress: (done) => onProgress?.('naming pictures', done, pictures.length),
    ...stop,
  })
  pictures.forEach(({ id, image, style, captions }, i) => {
    const { rank, first } = toNames[i]!
    onPicture?.({ id, image, name: first, answers: captions, rank, ...(style === undefined ? {} : { style }) })
  })
  const used = new Set(pictures)
  const searched = names.flatMap((name, index) => ([...name.pictures].some((own) => used.has(own)) ? [index] : []))
  const toPictures = await rankLogged(log, {
    queries: searched.map((index) => `name ${index}: ${names[index]!.text}`),
    nameOf: (picture) => pictures[picture]!.id,
    columns: pictures.length,
    k,
    cosine: (row, picture) => cosine(imageVectors[picture]!, nameVectors[searched[row]!]!),
    scoreOf: rerankScore(model.retrievalConfig),
    isRight: (row, picture) => names[searched[row]!]!.pictures.has(pictures[picture]!),
    matchLogits: (pairs) => yesLogits(pairs.map(([row, picture]) => [encoded[picture]!, names[searched[row]!]!.text])),
    onProgress: (done) => onProgress?.('finding pictures', done, searched.length),
    ...stop,
  })

  const styles = [...new Set(pictures.flatMap(({ style }) => style ?? []))]
  const ranksOf = (style: string) => toNames.flatMap(({ rank }, i) => (pictures[i]!.style === style ? [rank] : []))
  return {
    data: set.name,
    pictures: pictures.length,
    names: names.length,
    nameQueries: searched.length,
    k,
    ...recalls(toNames, toPictures, recallAt),
    intervals: recalls(toNames, toPictures, (count, ranks) => {
      const isFound = ranks.map((rank) => (rank < count ? 1 : 0))
      return bootstrapMean(isFound, bootstrap)
    }),
    ...(styles.length > 0
      ? { textRecallAt1ByStyle: Object.fromEntries(styles.map((style) => [style, recallAt(1, ranksOf(style))])) }
      : {}),
    ...(set.pixelFloor ? { nearestNeighbourRecallAt1: set.pixelFloor().recallAt1 } : {}),
  }
}

/** Each recall, or what else is to be said of its ranks. */
function recalls<T>(
  toNames: readonly FoundEntry[],
  toPictures: readonly FoundEntry[],
  score: (count: number, ranks: readonly number[]) => T,
): Record<keyof RetrievalRecalls, T> {
  const ranks = (found: readonly FoundEntry[]) => found.map(({ rank }) => rank)
  const itcRanks = (found: readonly FoundEntry[]) => found.map(({ itcRank }) => itcRank)
  return {
    textRecallAt1: score(1, ranks(toNames)),
    textRecallAt5: score(5, ranks(toNames)),
    textRecallAt10: score(10, ranks(toNames)),
    imageRecallAt1: score(1, ranks(toPictures)),
    imageRecallAt5: score(5, ranks(toPictures)),
    imageRecallAt10: score(10, ranks(toPictures)),
    itcTextRecallAt1: score(1, itcRanks(toNames)),
    itcImageRecallAt1: score(1, itcRanks(toPictures)),
  }
}
