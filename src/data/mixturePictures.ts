import type { Blip2Error } from '../errors.js'
import { DataError } from '../errors.js'
import { openByteSource } from './bytes/byteSource.js'
import type { PicturePlace } from './bytes/pictureBytes.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { EXAMINED_AT_A_TIME, examinePicture, PictureHash } from './examinedPicture.js'
import { isBrokenPicture } from './loader/brokenPicture.js'
import { Losses, type LossLimits } from './loader/losses.js'
import type { MixtureSpec, SourceSpec } from './loader/mixtureSpec.js'
import { openSource } from './loader/openSource.js'
import type { Shard } from './loader/shard.js'
import { type ShardItem, shardItems } from './loader/shardItems.js'
import type { UnopenedPicture } from './loader/shards.js'
import { mapAhead } from './mapAhead.js'
import { type DecodeOptions, PICTURE_MEMORY_BYTES, type StoredPicture, storedPictures } from './storedPictures.js'
import type { EncodedPicture } from './webdataset/captionedSample.js'
import { isPacked } from './webdataset/samples.js'

export interface OpenMixtureOptions extends LossLimits, DecodeOptions {
  readonly onProgress?: (pictures: number) => void
}

/** More times than this no picture comes in an epoch: the weights of the mixture are a mistake then. */
const MAX_REPEATS = 1000

/**
 * All pictures of a mixture, for training: each is read once to see that it can be, and decoded when it is asked for (see
 * storedPictures). Captions and places are held in memory, and so are the encoded pictures of gzip shards, which cannot
 * be read from the middle. The pictures of a source come as often as makes its share that of its weight, rounded to
 * whole times. A picture that cannot be read is counted, told to `onLoss` and left out.
 *
 * @throws DataError where a source holds no picture, too many are broken, the weights cannot be kept, or gzip shards hold
 * more than `memoryBytes`.
 */
export async function openMixturePictures(
  { sources }: MixtureSpec,
  options: OpenMixtureOptions,
): Promise<CaptionedPictures> {
  const reader = new SourceReader(options)
  const counts: number[] = []
  for (const source of sources) {
    const before = reader.pictures.length
    await reader.read(source)
    counts.push(reader.pictures.length - before)
  }
  const order = repeated(counts, repeatsOf(sources, counts))
  return storedPictures({ pictures: reader.pictures, order, fingerprint: reader.hash.end(order) }, options)
}

/** Collects the pictures of one source after another. */
class SourceReader {
  readonly pictures: StoredPicture[] = []
  readonly hash = new PictureHash()
  readonly #options: OpenMixtureOptions
  readonly #losses: Losses
  #packedBytes = 0

  constructor(options: OpenMixtureOptions) {
    this.#options = options
    this.#losses = new Losses(options)
  }

  async read(source: SourceSpec): Promise<void> {
    const before = this.pictures.length
    for (const shard of await openSource(source, this.#options)) await this.#readShard(source, shard)
    if (this.pictures.length === before) throw new DataError(`${source.name} holds no picture that can be read`)
  }

  async #readShard({ name, bestCaptions }: SourceSpec, shard: Shard<UnopenedPicture>): Promise<void> {
    const { signal, onProgress } = this.#options
    const examined = mapAhead(shardItems(shard, 0, signal), EXAMINED_AT_A_TIME, (item) => examine(item, signal))
    let isBroken = false
    let packed: boolean | undefined
    for await (const { key, error, picture, digest } of examined) {
      if (picture) {
        const isMember = picture.imageStart !== undefined
        packed ??= isMember && (await isPacked(openByteSource(shard.name, signal)))
        const place = packed ? this.#hold(picture, shard.name) : placeOf(picture, shard.name)
        const captions = picture.captions.slice(0, bestCaptions)
        this.#add({ place, captions, imageId: this.pictures.length }, digest)
        onProgress?.(this.pictures.length)
      } else if (key === undefined) {
        isBroken = true
        this.#losses.shardBroken(shard.name, error)
      } else this.#losses.sampleBroken(`${name}: ${key}`, error)
    }
    if (!isBroken) this.#losses.shardRead()
  }

  #add(picture: StoredPicture, digest: Buffer): void {
    this.pictures.push(picture)
    this.hash.add(picture, digest)
    this.#losses.sampleRead()
  }

  #hold({ image }: EncodedPicture, shard: string): PicturePlace {
    const { memoryBytes = PICTURE_MEMORY_BYTES } = this.#options
    this.#packedBytes += image.length
    if (this.#packedBytes > memoryBytes)
      throw new DataError(
        `${shard} is packed with gzip, so its pictures are held in memory, and there are more than ${memoryBytes} bytes of them; unpack such shards (gunzip)`,
      )
    return image
  }
}

/** What became of an item: a picture that can be trained on, or an error; without a key it is the shard's. */
type Examined =
  | { readonly key: string; readonly picture: EncodedPicture; readonly digest: Buffer; readonly error?: never }
  | { readonly key?: string; readonly error: Blip2Error; readonly picture?: never; readonly digest?: never }

async function examine({ sample, error }: ShardItem<UnopenedPicture>, signal?: AbortSignal): Promise<Examined> {
  if (error) return { error }
  const { key } = sample
  try {
    const picture = sample.sample()
    return { key, picture, digest: await examinePicture(picture.image, signal) }
  } catch (cause) {
    if (!isBrokenPicture(cause)) throw cause
    return { key, error: cause }
  }
}

/** Of a member of a plain archive, only where it is; nothing of it stays in memory. */
function placeOf({ image, imageStart }: EncodedPicture, location: string): PicturePlace {
  if (imageStart === undefined) return image
  return { location, start: imageStart, end: imageStart + image.length }
}

/** How often each picture of a source comes: the least often once. */
function repeatsOf(sources: readonly SourceSpec[], counts: readonly number[]): number[] {
  const shares = sources.map(({ weight }, i) => weight / counts[i]!)
  const least = Math.min(...shares)
  return shares.map((share, i) => {
    const repeats = Math.round(share / least)
    if (repeats > MAX_REPEATS)
      throw new DataError(
        `by its weight each picture of ${sources[i]!.name} would come ${repeats} times as often as others; expected at most ${MAX_REPEATS}`,
      )
    return repeats
  })
}

/** Places in the list of all pictures, source after source. */
function repeated(counts: readonly number[], repeats: readonly number[]): Uint32Array {
  const order = new Uint32Array(counts.reduce((sum, count, i) => sum + count * repeats[i]!, 0))
  let at = 0
  let start = 0
  counts.forEach((count, i) => {
    for (let place = 0; place < count * repeats[i]!; place++) order[at++] = start + (place % count)
    start += count
  })
  return order
}
