import { DataError } from '../errors.js'
import { decodeImage } from '../image/decode.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { opaqueSquare } from './captionFolder.js'
import { namesDirection } from './direction.js'
import { isBrokenPicture } from './loader/brokenPicture.js'
import { Losses, type LossLimits } from './loader/losses.js'
import type { MixtureSpec } from './loader/mixtureSpec.js'
import { openSource } from './loader/openSource.js'
import { shardItems } from './loader/shardItems.js'

export interface OpenMixtureOptions extends LossLimits {
  /** Pictures are kept in memory as squares of this side, in pixels: side² x 4 bytes each. */
  readonly side: number
  readonly signal?: AbortSignal
}

interface Picture {
  readonly rgba: Uint8Array
  readonly captions: readonly string[]
}

/** More times than this no picture comes in an epoch: the weights of the mixture are a mistake then. */
const MAX_REPEATS = 1000

/**
 * All pictures of a mixture, decoded once and held in memory, for training on sets that fit there. Those of a source come
 * as often as makes its share that of its weight, rounded to whole times. A picture that cannot be read is counted, told
 * to `onLoss` and left out.
 *
 * @throws DataError where a source holds no picture, too many are broken, or the weights cannot be kept.
 */
export async function openMixturePictures(
  { sources }: MixtureSpec,
  options: OpenMixtureOptions,
): Promise<CaptionedPictures> {
  const losses = new Losses(options)
  const read: Picture[][] = []
  for (const source of sources) {
    const pictures = await readSource(source, losses, options)
    if (pictures.length === 0) throw new DataError(`${source.name} holds no picture that can be read`)
    read.push(pictures)
  }
  const repeats = repeatsOf(
    sources.map(({ weight }, i) => weight / read[i]!.length),
    sources.map(({ name }) => name),
  )
  const pictures = read.flat()
  const starts = read.map((_, i) => read.slice(0, i).reduce((sum, { length }) => sum + length, 0))
  const order = Uint32Array.from(
    read.flatMap(({ length }, i) =>
      Array.from({ length: length * repeats[i]! }, (_, place) => starts[i]! + (place % length)),
    ),
  )
  const at = (index: number) => pictures[order[index]!]!
  return {
    length: order.length,
    picture: (index) => ({ rgba: at(index).rgba, size: options.side }),
    mayMirror: (index) => !at(index).captions.some(namesDirection),
    captions: (index) => at(index).captions,
    imageId: (index) => order[index]!,
  }
}

async function readSource(
  source: MixtureSpec['sources'][number],
  losses: Losses,
  options: OpenMixtureOptions,
): Promise<Picture[]> {
  const { side, signal } = options
  const pictures: Picture[] = []
  for (const shard of await openSource(source, options)) {
    let broken = false
    for await (const { sample, error } of shardItems(shard, 0, signal)) {
      if (error) {
        broken = true
        losses.shardBroken(shard.name, error)
        continue
      }
      try {
        const { image, captions } = sample.sample()
        const rgba = opaqueSquare(await decodeImage(image, signal), side)
        pictures.push({ rgba, captions: captions.slice(0, source.bestCaptions) })
      } catch (cause) {
        if (!isBrokenPicture(cause)) throw cause
        losses.sampleBroken(`${source.name}: ${sample.key}`, cause)
        continue
      }
      losses.sampleRead()
    }
    if (!broken) losses.shardRead()
  }
  return pictures
}

/** How often each picture of a source comes: the least often once. shares: of one picture, by source */
function repeatsOf(shares: readonly number[], names: readonly string[]): number[] {
  const least = Math.min(...shares)
  return shares.map((share, i) => {
    const repeats = Math.round(share / least)
    if (repeats > MAX_REPEATS)
      throw new DataError(
        `by its weight each picture of ${names[i]} would come ${repeats} times as often as others; expected at most ${MAX_REPEATS}`,
      )
    return repeats
  })
}
