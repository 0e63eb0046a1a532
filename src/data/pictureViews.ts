import { type AugmentOptions, createAugmenter, type RandomSource } from '../image/augment.js'
import type { RgbaPicture } from '../image/affineSampler.js'
import { createPixelWriter } from '../image/preprocess.js'
import { randAugment } from '../image/randAugment.js'
import type { CaptionedPictures } from './captionedPictures.js'

/** Writes a random view of a picture, given with its number, into `out` from `offset`: [3, size, size], normalised. */
export type WriteView = (
  index: number,
  picture: RgbaPicture,
  random: RandomSource,
  out: Float32Array,
  offset?: number,
) => void

/**
 * Makes what writes the views that are trained on: those of `createAugmenter`, and RandAugment(2, 5) after crop and mirror
 * for pictures that ask for it.
 */
export function createViewWriter(
  pictures: Pick<CaptionedPictures, 'mayMirror' | 'randAugment'>,
  augment: AugmentOptions,
): WriteView {
  const { size, mean = [0, 0, 0], std = [1, 1, 1] } = augment
  const write = createAugmenter(augment)
  const writePlain = createAugmenter({ ...augment, mean: [0, 0, 0], std: [1, 1, 1] })
  const writePixels = createPixelWriter({ size, mean, std })
  const plain = new Float32Array(3 * size * size)
  return (index, picture, random, out, offset = 0) => {
    const mayMirror = pictures.mayMirror(index)
    if (!pictures.randAugment?.(index)) return write(picture, mayMirror, random, out, offset)
    writePlain(picture, mayMirror, random, plain)
    const view = { rgb: interleavedBytes(plain), width: size, height: size }
    writePixels(randAugment(view, random), out.subarray(offset, offset + plain.length))
  }
}

/** [3, size, size] in 0..1 -> bytes [size, size, 3] */
function interleavedBytes(planes: Float32Array): Uint8Array {
  const plane = planes.length / 3
  const bytes = new Uint8Array(planes.length)
  for (let i = 0, at = 0; i < plane; i++)
    for (let channel = 0; channel < 3; channel++) bytes[at++] = Math.round(255 * planes[channel * plane + i]!)
  return bytes
}
