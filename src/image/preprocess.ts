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
export const writePixels = (picture: RgbPicture, format: PixelFormat, into: Float32Array): void =>
  createPixelWriter(format)(picture, into)

/** Makes what `writePixels` does, for many pictures. */
export function createPixelWriter({ size, mean, std }: PixelFormat): (picture: RgbPicture, into: Float32Array) => void {
  const [red, green, blue] = mean.map((center, channel) => normalized(center, std[channel]!)) as Channels
  const plane = size * size
  return (picture, into) => {
    const bytes = resizeBicubic(picture, size)
    for (let i = 0, at = 0; i < plane; i++, at += 3) {
      into[i] = red[bytes[at]!]!
      into[plane + i] = green[bytes[at + 1]!]!
      into[2 * plane + i] = blue[bytes[at + 2]!]!
    }
  }
}

type Channels = [Float32Array, Float32Array, Float32Array]

/** What each byte becomes, computed in float32 at each step as the authors' processor does. */
function normalized(mean: number, std: number): Float32Array {
  const [center, spread] = [Math.fround(mean), Math.fround(std)]
  return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 255) - center) / spread)
}
