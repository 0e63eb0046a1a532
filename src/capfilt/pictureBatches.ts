import { pictureBytes } from '../data/bytes/pictureBytes.js'
import { isBrokenPicture } from '../data/loader/brokenPicture.js'
import type { EncodedPicture } from '../data/webdataset/captionedSample.js'
import { decodeImage } from '../image/decode.js'
import type { RgbPicture } from '../image/resize.js'
import type { DataItem, DataPlace } from '../data/dataItem.js'

/** A picture of the input: its file as it is, its pixels, and what the data set says of it. */
export interface OpenPicture {
  readonly source: string
  readonly key: string
  /** Its number in the input, counting those that cannot be read. */
  readonly index: number
  readonly bytes: Uint8Array
  readonly pixels: RgbPicture
  readonly captions: readonly string[]
}

/** What could not be read: a sample, or the rest of a shard. */
export interface BrokenItem {
  readonly kind: 'sample' | 'shard'
  readonly name: string
  readonly error: Error
}

/** Pictures that go through the models together; all of them belong to one shard of the output. */
export interface PictureBatch {
  readonly outputShard: number
  /** The number of its first sample in the input. */
  readonly first: number
  readonly pictures: readonly OpenPicture[]
  readonly broken: readonly BrokenItem[]
  /** Samples of the input, with the broken ones. */
  readonly samples: number
  /** Where reading goes on after the batch. */
  readonly next: DataPlace
  readonly fraction: number
}

export interface BatchOptions {
  /** Pictures of a batch. */
  readonly batch: number
  /** Samples of the input that make up a shard of the output, whether they can be read or not. */
  readonly shardSize: number
  /** Number of the first item. */
  readonly firstIndex: number
  readonly signal?: AbortSignal
}

/** Puts the input into batches and decodes them; what a batch holds depends on the place in the input alone. */
export async function* pictureBatches(
  items: AsyncIterable<DataItem>,
  { batch, shardSize, firstIndex, signal }: BatchOptions,
): AsyncGenerator<PictureBatch> {
  let index = firstIndex
  let collected: DataItem[] = []
  let samples = 0
  const flush = async (): Promise<PictureBatch> => {
    const first = index - samples
    const whole = await openBatch(collected, first, signal)
    const { next, fraction } = collected.at(-1)!
    const found = { outputShard: Math.floor(first / shardSize), first, samples, next, fraction, ...whole }
    collected = []
    samples = 0
    return found
  }
  for await (const item of items) {
    collected.push(item)
    if (item.error) continue
    index++
    samples++
    if (samples === batch || index % shardSize === 0) yield await flush()
  }
  if (collected.length > 0) yield await flush()
}

async function openBatch(
  items: readonly DataItem[],
  first: number,
  signal?: AbortSignal,
): Promise<Pick<PictureBatch, 'pictures' | 'broken'>> {
  let index = first
  const opened = await Promise.all(
    items.map((item): Promise<OpenPicture | BrokenItem> => {
      const { source, key, error, open } = item
      if (error) return Promise.resolve({ kind: 'shard', name: key, error })
      const number = index++
      return openPicture(open, signal).then(
        (picture) => ({ source, key, index: number, ...picture }),
        (cause: unknown) => {
          if (!isBrokenPicture(cause)) throw cause
          return { kind: 'sample', name: `${source}: ${key}`, error: cause }
        },
      )
    }),
  )
  return {
    pictures: opened.filter((one): one is OpenPicture => 'pixels' in one),
    broken: opened.filter((one): one is BrokenItem => 'kind' in one),
  }
}

async function openPicture(open: () => EncodedPicture, signal?: AbortSignal) {
  const { image, captions } = open()
  const bytes = await pictureBytes(image, signal)
  return { bytes, pixels: await decodeImage(bytes, signal), captions }
}
