import { ImageError } from '../errors.js'
import type { RgbPicture } from './resize.js'

/** Pixels that are decoded already, row by row; alpha is straight. */
export interface RawImage {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
  /** Grey, grey and alpha, RGB, or RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4
}

/** Raw pixels composited over white. @throws ImageError where the sizes do not fit the bytes. */
export function layOnWhite({ data, width, height, channels }: RawImage): RgbPicture {
  const sized = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (!sized || ![1, 2, 3, 4].includes(channels) || data.length !== width * height * channels)
    throw new ImageError(
      `raw pixels of ${width} x ${height} in ${channels} channels (1 to 4) need ${width * height * channels} bytes, got ${data.length}`,
    )
  const rgb = new Uint8Array(width * height * 3)
  const colors = channels < 3 ? [0, 0, 0] : [0, 1, 2]
  const hasAlpha = channels === 2 || channels === 4
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    const alpha = hasAlpha ? data[from + channels - 1]! : 255
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.round((data[from + colors[c]!]! * alpha) / 255 + 255 - alpha)
  }
  return { rgb, width, height }
}

/** Whether a picture is given as raw pixels. */
export const isRaw = <T>(source: T | RawImage): source is RawImage =>
  typeof source === 'object' && source !== null && 'channels' in source && 'width' in source
