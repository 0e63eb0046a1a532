import type { CaptionedPictures } from '../../data/captionedPictures.js'
import { DataError } from '../../errors.js'
import { type AugmentOptions, createAugmenter } from '../../image/augment.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'

/** One batch before it is encoded. The images are overwritten by the next batch. */
export interface CaptionBatch {
  /** [batch, 3, size, size], normalised */
  readonly images: Float32Array
  readonly captions: readonly string[]
  readonly imageIds: readonly number[]
  /** For whatever else the step draws. */
  readonly random: Random
}

/**
 * Augmented pictures with one of their captions each, as a function of the seed and the step alone. Throws a DataError
 * where there is no picture.
 */
export function captionBatches(
  pictures: CaptionedPictures,
  { batch, seed, augment }: { readonly batch: number; readonly seed: number; readonly augment: AugmentOptions },
): (step: number) => CaptionBatch {
  if (pictures.length === 0) throw new DataError('there is no picture to train on; expected at least one')
  const augmenter = createAugmenter(augment)
  const pixels = 3 * augment.size * augment.size
  const images = new Float32Array(batch * pixels)
  const order = shuffledEpochs(pictures.length, seed)
  return (step) => {
    const random = new Random(seed, `batch/${step}`)
    const chosen = Array.from({ length: batch }, (_, i) => order(step * batch + i))
    const captions = chosen.map((index, i) => {
      augmenter(pictures.picture(index), pictures.mayMirror(index), () => random.uniform(), images, i * pixels)
      const all = pictures.captions(index)
      return all[random.integer(all.length)]!
    })
    return { images, captions, imageIds: chosen.map((index) => pictures.imageId(index)), random }
  }
}

/** Gumbel noise: the largest of scores plus noise is a draw from their softmax. */
export function gumbelNoise(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => -Math.log(-Math.log(1 - random.uniform())))
}
