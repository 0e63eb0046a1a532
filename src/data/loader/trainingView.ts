import { createPixelWriter, type PixelFormat } from '../../image/preprocess.js'
import { type RandAugmentOptions, randAugment } from '../../image/randAugment.js'
import type { Random } from '../../train/random/random.js'
import { pictureBytes } from '../bytes/pictureBytes.js'
import { namesDirection } from '../direction.js'
import type { EncodedPicture } from '../webdataset/captionedSample.js'
import { readHeader } from './decodeCrop.js'
import { randomCrop } from './randomCrop.js'

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

/** A LoadPicture. @param into Where the pixels go, [3, size, size]; new memory where it is not given. */
export type LoadView = (
  picture: EncodedPicture,
  random: Random,
  signal?: AbortSignal,
  into?: Float32Array,
) => Promise<TrainingView>

/**
 * Loads a picture as BLIP-2's pre-training does (paper 3.4): random resized crop with a bicubic filter, mirrored half of
 * the time, RandAugment where asked for, normalised. Unlike the released code it does not mirror a picture whose caption
 * names a direction, and the filter is the decoder's own and not Pillow's to the bit: a crop is random anyway.
 */
export function trainingView({
  scale = [0.5, 1],
  randAugment: augmentation,
  ...format
}: TrainingViewOptions): LoadView {
  const { size } = format
  const writePixels = createPixelWriter(format)
  return async ({ image, captions }, random, signal, into) => {
    const uniform = () => random.uniform()
    signal?.throwIfAborted()
    const header = await readHeader(await pictureBytes(image, signal))
    const caption = captions[random.integer(captions.length)]!
    const crop = randomCrop(header, scale, uniform)
    const mirror = uniform() < 0.5 && !namesDirection(caption)
    const picture = await header.decode(crop, { size, mirror })
    const view = augmentation ? randAugment(picture, uniform, augmentation) : picture
    const pixels = into ?? new Float32Array(3 * size * size)
    writePixels(view, pixels)
    return { pixels, caption }
  }
}
