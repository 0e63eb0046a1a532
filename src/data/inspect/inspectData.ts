import { createHash } from 'node:crypto'
import { decodeImage } from '../../image/decode.js'
import { lookAlikes, lookHash } from '../../image/lookHash.js'
import type { RgbPicture } from '../../image/resize.js'
import { pictureBytes } from '../bytes/pictureBytes.js'
import type { DataItem } from '../dataItem.js'
import { isBrokenPicture } from '../loader/brokenPicture.js'
import { SampleSheet } from './sampleSheet.js'
import { type Spread, Tally } from './tally.js'

export interface InspectOptions {
  /** Draws the pictures of the contact sheet. Default 0. */
  readonly seed?: number
  /** Broken samples that are listed with their reasons; all are counted. Default 20. */
  readonly reasons?: number
  readonly onProgress?: (pictures: number, fraction: number) => void
  readonly signal?: AbortSignal
}

export interface BrokenSample {
  /** Of the sample, or of the shard whose rest cannot be read. */
  readonly key: string
  readonly reason: string
}

/** What a source holds. */
export interface SourceReport {
  readonly source: string
  /** Samples that were tried. */
  readonly samples: number
  readonly brokenSamples: number
  readonly brokenShards: number
  /** The first of the broken samples and shards. */
  readonly broken: readonly BrokenSample[]
  /** Bytes of the picture files. */
  readonly bytes: number
  /** Of the pictures, in pixels. */
  readonly shorterSide: Spread | undefined
  readonly captionsPerPicture: Spread | undefined
  /** Words of a caption, between blanks. */
  readonly captionWords: Spread | undefined
  /** Captions that differ from all others of the source. */
  readonly distinctCaptions: number
}

export interface DataReport {
  readonly sources: readonly SourceReport[]
  /** Groups of files of the same content, over all sources: 'source: key'. */
  readonly sameContent: readonly (readonly string[])[]
  /** Groups of pictures that look the same and are different files, such as copies of other sizes. */
  readonly sameLook: readonly (readonly string[])[]
  /** A contact sheet of pictures drawn from all, PNG; absent where no picture can be read. */
  readonly sheet: Buffer | undefined
}

/** Pictures decoded at a time. */
const AT_A_TIME = 8

/**
 * Reads and decodes a data set once through, and tells what is in it and what is wrong with it. Of each picture a few
 * hundred bytes are held, to find those that come twice.
 */
export async function inspectData(items: AsyncIterable<DataItem>, options: InspectOptions = {}): Promise<DataReport> {
  const { seed = 0, reasons = 20, onProgress, signal } = options
  const sources = new Map<string, SourceTally>()
  const sheet = new SampleSheet(seed)
  const seen: SeenPicture[] = []
  let collected: DataItem[] = []
  const take = async () => {
    signal?.throwIfAborted()
    const opened = await Promise.all(collected.map((item) => openItem(item, signal)))
    for (const one of opened) {
      const tally = sources.get(one.source) ?? new SourceTally(one.source, reasons)
      sources.set(one.source, tally)
      tally.add(one)
      if (!('picture' in one)) continue
      seen.push({ name: `${one.source}: ${one.key}`, content: one.content, look: one.look })
      await sheet.offer(one.picture, one.captions[0])
    }
    onProgress?.(seen.length, collected.at(-1)?.fraction ?? 1)
    collected = []
  }
  for await (const item of items) if (collected.push(item) === AT_A_TIME) await take()
  if (collected.length > 0) await take()
  return {
    sources: [...sources.values()].map((tally) => tally.report),
    ...duplicatesOf(seen),
    sheet: seen.length > 0 ? await sheet.draw() : undefined,
  }
}

interface SeenPicture {
  readonly name: string
  readonly content: string
  readonly look: string
}

interface OpenedPicture {
  readonly source: string
  readonly key: string
  readonly bytes: number
  readonly content: string
  readonly look: string
  readonly picture: RgbPicture
  readonly captions: readonly [string, ...string[]]
}

interface BrokenItem {
  readonly source: string
  readonly key: string
  readonly kind: 'sample' | 'shard'
  readonly error: Error
}

async function openItem(
  { source, key, open, error }: DataItem,
  signal?: AbortSignal,
): Promise<OpenedPicture | BrokenItem> {
  if (error) return { source, key, kind: 'shard', error }
  try {
    const { image, captions } = open()
    const bytes = await pictureBytes(image, signal)
    const picture = await decodeImage(bytes, signal)
    const content = createHash('sha256').update(bytes).digest('hex')
    const look = await lookHash(picture)
    return { source, key, bytes: bytes.length, content, look, picture, captions }
  } catch (cause) {
    if (!isBrokenPicture(cause)) throw cause
    return { source, key, kind: 'sample', error: cause }
  }
}

/** Counts of one source. */
class SourceTally {
  readonly #name: string
  readonly #reasons: number
  readonly #side = new Tally()
  readonly #perPicture = new Tally()
  readonly #words = new Tally()
  readonly #captions = new Set<string>()
  readonly #broken: BrokenSample[] = []
  #samples = 0
  #brokenSamples = 0
  #brokenShards = 0
  #bytes = 0

  constructor(name: string, reasons: number) {
    this.#name = name
    this.#reasons = reasons
  }

  add(one: OpenedPicture | BrokenItem): void {
    if ('picture' in one) this.#addPicture(one)
    else this.#addBroken(one)
  }

  get report(): SourceReport {
    return {
      source: this.#name,
      samples: this.#samples,
      brokenSamples: this.#brokenSamples,
      brokenShards: this.#brokenShards,
      broken: this.#broken,
      bytes: this.#bytes,
      shorterSide: this.#side.spread,
      captionsPerPicture: this.#perPicture.spread,
      captionWords: this.#words.spread,
      distinctCaptions: this.#captions.size,
    }
  }

  #addPicture({ bytes, picture, captions }: OpenedPicture): void {
    this.#samples++
    this.#bytes += bytes
    this.#side.add(Math.min(picture.width, picture.height))
    this.#perPicture.add(captions.length)
    for (const caption of captions) {
      this.#words.add(caption.split(/\s+/).length)
      this.#captions.add(caption)
    }
  }

  #addBroken({ key, kind, error }: BrokenItem): void {
    if (kind === 'shard') this.#brokenShards++
    else {
      this.#samples++
      this.#brokenSamples++
    }
    if (this.#broken.length < this.#reasons) this.#broken.push({ key, reason: error.message })
  }
}

function duplicatesOf(seen: readonly SeenPicture[]): Pick<DataReport, 'sameContent' | 'sameLook'> {
  const byContent = new Map<string, SeenPicture[]>()
  for (const picture of seen) {
    const same = byContent.get(picture.content)
    if (same) same.push(picture)
    else byContent.set(picture.content, [picture])
  }
  const contents = [...byContent.values()]
  const firsts = contents.map(([first]) => first!)
  return {
    sameContent: contents.filter((same) => same.length > 1).map((same) => same.map(({ name }) => name)),
    sameLook: lookAlikes(firsts.map(({ look }) => look)).map((group) => group.map((i) => firsts[i]!.name)),
  }
}
