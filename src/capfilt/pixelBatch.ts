import { type PixelFormat, writePixels } from '../image/preprocess.js'
import type { RgbPicture } from '../image/resize.js'
import { float32, type Value } from '../runtime/index.js'

/** Pictures as an encoder reads them. -> [pictures, 3, size, size] */
export function pixelBatch(pictures: readonly RgbPicture[], format: PixelFormat): Value {
  const { size } = format
  const one = 3 * size * size
  const pixels = new Float32Array(pictures.length * one)
  pictures.forEach((picture, i) => {
    writePixels(picture, format, pixels.subarray(i * one, (i + 1) * one))
  })
  return float32([pictures.length, 3, size, size], pixels)
}
