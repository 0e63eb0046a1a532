import { decodeImage } from '../../image/decode.js'
import { type PixelFormat, writePixels } from '../../image/preprocess.js'
import { type RandAugmentOptions, randAugment } from '../../image/randAugment.js'
import { type RgbPicture, resizeBicubic } from '../../image/resize.js'
import { namesDirection } from '../direction.js'
import type { LoadPicture } from './mixtureLoader.js'
import { cropPicture, randomCrop } from './randomCrop.js'

export interface TrainingViewOptions extends PixelFormat {
  /** Part of the picture's area that a view shows, from and to. Default [0.5, 1], as the released code has it. */
  readonly scale?: readonly [number, number]
  /** For Visual Genome, as the released code has it: `{}` is RandAugment(2, 5). Default: none. */
  readonly randAugment?: RandAugmentOptions
}

/** A view of a picture for one training step. */
export interface TrainingView {
  /** [3, size, size], normalised. */
  readonly pixels: Float32Array
  /** One of the captions, each as likely. */
  readonly caption: string
}

/**
 * Loads a picture as BLIP-2's pre-training does (paper 3.4): random resized crop with Pillow's bicubic filter, mirrored
 * half of the time, RandAugment where asked for, normalised. Unlike the released code it does not mirror a picture whose
 * caption names a direction.
 */
export function trainingView({
  scale = [0.5, 1],
  randAugment: augmentation,
  ...format
}: TrainingViewOptions): LoadPicture<TrainingView> {
  const { size } = format
  return async ({ image, captions }, random, signal) => {
    const uniform = () => random.uniform()
    const picture = await decodeImage(image, signal)
    const caption = captions[random.integer(captions.length)]!
    const crop = cropPicture(picture, randomCrop(picture, scale, uniform))
    const resized = { rgb: resizeBicubic(crop, size), width: size, height: size }
    const mirrored = uniform() < 0.5 && !namesDirection(caption) ? mirror(resized) : resized
    const view = augmentation ? randAugment(mirrored, uniform, augmentation) : mirrored
    const pixels = new Float32Array(3 * size * size)
    writePixels(view, format, pixels)
    return { pixels, caption }
  }
}

function mirror({ rgb, width, height }: RgbPicture): RgbPicture {
  const out = new Uint8Array(rgb.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3
      const to = (y * width + width - 1 - x) * 3
      for (let channel = 0; channel < 3; channel++) out[to + channel] = rgb[from + channel]!
    }
  return { rgb: out, width, height }
}
