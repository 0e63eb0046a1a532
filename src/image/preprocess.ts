import type { Rgb } from './affineSampler.js'
import { type RgbPicture, resizeBicubic } from './resize.js'

/** What a model's encoder expects of a picture. */
export interface PixelFormat {
  /** Side of the square in pixels. */
  readonly size: number
  /** Mean and standard deviation of each channel, of values in 0..1. */
  readonly mean: Rgb
  readonly std: Rgb
}

/** The picture as an encoder reads it: resized, in 0..1, normalised. -> float32 [3, size, size] in `into` */
export function writePixels(picture: RgbPicture, { size, mean, std }: PixelFormat, into: Float32Array): void {
  const bytes = resizeBicubic(picture, size)
  const plane = size * size
  for (let channel = 0; channel < 3; channel++) {
    const values = normalized(mean[channel]!, std[channel]!)
    for (let i = 0; i < plane; i++) into[channel * plane + i] = values[bytes[i * 3 + channel]!]!
  }
}

/** What each byte becomes, computed in float32 at each step as the authors' processor does. */
function normalized(mean: number, std: number): Float32Array {
  const [center, spread] = [Math.fround(mean), Math.fround(std)]
  return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 255) - center) / spread)
}
