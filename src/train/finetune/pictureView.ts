import type { RgbaPicture } from '../../image/affineSampler.js'
import { type AugmentOptions, createAugmenter, type RandomSource } from '../../image/augment.js'
import { type PixelFormat, writePixels } from '../../image/preprocess.js'

/** How pictures are shown to a model that is fine-tuned. */
export interface PictureView {
  /** Side in pixels. */
  readonly size: number
  /** Writes a view of the picture into `out` from `offset`: 3 x size x size floats, normalised. */
  readonly write: (
    picture: RgbaPicture,
    mayMirror: boolean,
    random: RandomSource,
    out: Float32Array,
    offset: number,
  ) => void
}

/** Augmented as in pre-training, or 'whole': the very pixels that the trained model will be given. */
export type ViewSettings = 'whole' | Omit<AugmentOptions, 'size' | 'mean' | 'std'>

export function pictureView(settings: ViewSettings, format: PixelFormat): PictureView {
  const { size } = format
  if (settings !== 'whole') return { size, write: createAugmenter({ ...settings, ...format }) }
  const pixels = 3 * size * size
  return {
    size,
    write: (picture, _mayMirror, _random, out, offset) =>
      writePixels(opaque(picture), format, out.subarray(offset, offset + pixels)),
  }
}

/** An opaque picture without its alpha. */
function opaque({ rgba, size }: RgbaPicture) {
  const rgb = new Uint8Array(size * size * 3)
  for (let i = 0; i < size * size; i++) rgb.set(rgba.subarray(i * 4, i * 4 + 3), i * 3)
  return { rgb, width: size, height: size }
}
