import { DataError } from '../errors.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import { cosine, type Pair } from '../tasks/retriever.js'
import { cleanCaption } from '../text/captionCleaning.js'
import { type EvaluationSet, spread } from './evaluationSet.js'
import { recallAt } from './metrics/recall.js'
import { rankByMatching } from './rankByMatching.js'

export interface RetrievalReport {
  readonly data: string
  /** Pictures that are named, and searched: for emoji those without a skin tone. */
  readonly pictures: number
  /** Distinct names that a picture is compared with: all right answers of these pictures. */
  readonly names: number
  /** Names that pictures are searched for. Fewer than `names` only under a limit. */
  readonly nameQueries: number
  /** Candidates by ITC that are scored by ITM. */
  readonly k: number
  /** Part of the pictures with a right name first, or among the first 5 or 10. */
  readonly textRecallAt1: number
  readonly textRecallAt5: number
  readonly textRecallAt10: number
  /** Part of the names with a right picture first, or among the first 5 or 10. */
  readonly imageRecallAt1: number
  readonly imageRecallAt5: number
  readonly imageRecallAt10: number
  /** By ITC alone. */
  readonly itcTextRecallAt1: number
  readonly itcImageRecallAt1: number
  /** textRecallAt1 by vendor for emoji, by domain for NoCaps. */
  readonly textRecallAt1ByStyle?: Readonly<Record<string, number>>
  /** For emoji: part of all pictures, whatever the limit, that the nearest drawing of the training vendors names, by raw pixels. */
  readonly nearestNeighbourRecallAt1?: number
}

export interface RetrievalOptions {
  /** Default 16. */
  readonly k?: number
  /** Pictures used, spread evenly over the set; default all. */
  readonly limit?: number
  readonly onProgress?: (doing: string, done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** Pictures encoded, and texts embedded, between two reports of progress. */
const CHUNK = 128

/**
 * Picture to name and name to picture over a set: ITC ranks all, and the k best are ordered by ITM logit + ITC cosine
 * (authors' code). A name is right when it is any caption of the picture. Names are compared as the caption cleaner
 * leaves them, so two that differ in punctuation alone are one.
 */
export async function evaluateRetrieval(
  model: Blip2,
  set: EvaluationSet,
  { k = 16, limit = Number.POSITIVE_INFINITY, onProgress, signal }: RetrievalOptions = {},
): Promise<RetrievalReport> {
  const stop = signal ? { signal } : {}
  const all = set.pictures.filter(({ base }) => base !== false)
  const pictures = spread(all, limit)
  if (pictures.length === 0) throw new DataError(`${set.name} has no picture to name`)
  const cleaned = (captions: readonly string[]) => captions.map((caption) => cleanCaption(caption))
  const names = [...new Set(all.flatMap(({ captions }) => cleaned(captions)))]
  const answers = pictures.map(({ captions }) => new Set(cleaned(captions)))

  const encoded: EncodedImage[] = []
  const imageVectors: Float32Array[] = []
  for (let start = 0; start < pictures.length; start += CHUNK) {
    const part = await model.encode(
      pictures.slice(start, start + CHUNK).map(({ image }) => image),
      stop,
    )
    encoded.push(...part)
    imageVectors.push(...(await model.embedImage(part, stop)))
    onProgress?.('encoding pictures', encoded.length, pictures.length)
  }
  const nameVectors = await model.embedText(names, stop)
  const yesLogits = async (pairs: readonly Pair[]) => (await model.matchLogits(pairs, stop)).map(([, yes]) => yes)

  const toNames = await rankByMatching({
    rows: pictures.length,
    columns: names.length,
    k,
    cosine: (picture, name) => cosine(imageVectors[picture]!, nameVectors[name]!),
    isRight: (picture, name) => answers[picture]!.has(names[name]!),
    matchLogits: (pairs) => yesLogits(pairs.map(([picture, name]) => [encoded[picture]!, names[name]!])),
    onRow: (done) => onProgress?.('naming pictures', done, pictures.length),
  })
  const searched = names.flatMap((name, i) => (answers.some((own) => own.has(name)) ? [i] : []))
  const toPictures = await rankByMatching({
    rows: searched.length,
    columns: pictures.length,
    k,
    cosine: (row, picture) => cosine(imageVectors[picture]!, nameVectors[searched[row]!]!),
    isRight: (row, picture) => answers[picture]!.has(names[searched[row]!]!),
    matchLogits: (pairs) => yesLogits(pairs.map(([row, picture]) => [encoded[picture]!, names[searched[row]!]!])),
    onRow: (done) => onProgress?.('finding pictures', done, searched.length),
  })

  const styles = [...new Set(pictures.flatMap(({ style }) => style ?? []))]
  const ranksOf = (style: string) => toNames.ranks.filter((_, i) => pictures[i]!.style === style)
  return {
    data: set.name,
    pictures: pictures.length,
    names: names.length,
    nameQueries: searched.length,
    k,
    textRecallAt1: recallAt(1, toNames.ranks),
    textRecallAt5: recallAt(5, toNames.ranks),
    textRecallAt10: recallAt(10, toNames.ranks),
    imageRecallAt1: recallAt(1, toPictures.ranks),
    imageRecallAt5: recallAt(5, toPictures.ranks),
    imageRecallAt10: recallAt(10, toPictures.ranks),
    itcTextRecallAt1: recallAt(1, toNames.itcRanks),
    itcImageRecallAt1: recallAt(1, toPictures.itcRanks),
    ...(styles.length > 0
      ? { textRecallAt1ByStyle: Object.fromEntries(styles.map((style) => [style, recallAt(1, ranksOf(style))])) }
      : {}),
    ...(set.pixelFloor ? { nearestNeighbourRecallAt1: set.pixelFloor().recallAt1 } : {}),
  }
}
