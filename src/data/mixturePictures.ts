import { DataError } from '../errors.js'
import type { PicturePlace } from './bytes/pictureBytes.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { PictureHash } from './examinedPicture.js'
import { type ExaminedItem, examineShard } from './examinedShard.js'
import { KnownShards } from './knownShards.js'
import { Losses, type LossLimits } from './loader/losses.js'
import type { MixtureSpec, SourceSpec } from './loader/mixtureSpec.js'
import { openSource } from './loader/openSource.js'
import type { Shard } from './loader/shard.js'
import type { UnopenedPicture } from './loader/shards.js'
import { type DecodeOptions, PICTURE_MEMORY_BYTES, type StoredPicture, storedPictures } from './storedPictures.js'

export interface OpenMixtureOptions extends LossLimits, DecodeOptions {
  /** Where it is kept what tar shards hold, so that they are not read again at the next start. Default: nowhere. */
  readonly cacheDir?: string
  readonly onProgress?: (pictures: number) => void
}

/** More times than this no picture comes in an epoch: the weights of the mixture are a mistake then. */
const MAX_REPEATS = 1000

/**
 * All pictures of a mixture, for training: each is read once to see that it can be, and decoded when it is asked for (see
 * storedPictures). Captions and places are held in memory, and so are the encoded pictures of packed shards, which cannot
 * be read from the middle. The pictures of a source come as often as makes its share that of its weight, rounded to
 * whole times. A picture that cannot be read is counted, told to `onLoss` and left out.
 *
 * @throws DataError where a source holds no picture, too many are broken, the weights cannot be kept, or packed shards hold
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
  readonly #known: KnownShards | undefined
  #packedBytes = 0

  constructor(options: OpenMixtureOptions) {
    this.#options = options
    this.#losses = new Losses(options)
    this.#known = options.cacheDir === undefined ? undefined : new KnownShards(options.cacheDir)
  }

  async read(source: SourceSpec): Promise<void> {
    const before = this.pictures.length
    for (const shard of await openSource(source, this.#options)) await this.#readShard(source, shard)
    if (this.pictures.length === before) throw new DataError(`${source.name} holds no picture that can be read`)
  }

  async #readShard(source: SourceSpec, shard: Shard<UnopenedPicture>): Promise<void> {
    const { onProgress } = this.#options
    let isBroken = false
    for await (const item of this.#examined(source, shard)) {
      if (!item.error) {
        const { place, captions, digest } = item
        this.#hold(place, shard.name)
        const said = { captions: captions.slice(0, source.bestCaptions), imageId: this.pictures.length }
        this.#add({ place, ...said, randAugment: source.randAugment ?? source.format === 'visual-genome' }, digest)
        onProgress?.(this.pictures.length)
      } else if (item.key === undefined) {
        isBroken = true
        this.#losses.shardBroken(shard.name, item.error)
      } else this.#losses.sampleBroken(`${source.name}: ${item.key}`, item.error)
    }
    if (!isBroken) this.#losses.shardRead()
  }

  #examined(source: SourceSpec, shard: Shard<UnopenedPicture>): AsyncIterable<ExaminedItem> {
    const examine = () => examineShard(shard, this.#options.signal)
    const reading = 'captionField' in source ? source.captionField : undefined
    return this.#known ? this.#known.items(shard.name, reading, examine) : examine()
  }

  #add(picture: StoredPicture, digest: Buffer): void {
    this.pictures.push(picture)
    this.hash.add(picture, digest)
    this.#losses.sampleRead()
  }

  /** Counts what stays in memory. */
  #hold(place: PicturePlace, shard: string): void {
    if (!(place instanceof Uint8Array)) return
    const { memoryBytes = PICTURE_MEMORY_BYTES } = this.#options
    this.#packedBytes += place.length
    if (this.#packedBytes > memoryBytes)
      throw new DataError(
        `${shard} is packed, so its pictures are held in memory, and there are more than ${memoryBytes} bytes of them; unpack such shards (gunzip, unxz, ...)`,
      )
  }
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
