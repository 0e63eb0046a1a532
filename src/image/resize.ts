import { ImageError } from '../errors.js'

/** A picture without transparency: RGB bytes, row by row, `width * height * 3`. */
export interface RgbPicture {
  readonly rgb: Uint8Array
  readonly width: number
  readonly height: number
}

/**
 * Resizes to a square as Pillow's bicubic filter does, to the bit: antialiased where it shrinks, rounded to bytes
 * between the two passes. The published models were trained on pictures resized in this way; the aspect ratio is not
 * kept (authors' processor).
 * -> RGB bytes, size * size * 3
 */
export const resizeBicubic = (picture: RgbPicture, size: number): Uint8Array =>
  resizeTo(picture, { width: size, height: size })

/** The same to any size. -> RGB bytes, width * height * 3 */
export function resizeTo({ rgb, width, height }: RgbPicture, to: Pick<RgbPicture, 'width' | 'height'>): Uint8Array {
  if (rgb.length !== width * height * 3 || width < 1 || height < 1)
    throw new ImageError(`a picture of ${width} x ${height} needs ${width * height * 3} RGB bytes, got ${rgb.length}`)
  const narrowed = width === to.width ? rgb : resampleRows(rgb, width, height, to.width)
  return height === to.height ? narrowed : resampleColumns(narrowed, to.width, height, to.height)
}

// Pillow's fixed point: 8 bits for the pixel and 2 for the sum's headroom are left of 32.
const PRECISION_BITS = 22
const ROUND = 1 << (PRECISION_BITS - 1)
// Pillow's bicubic kernel: the Catmull-Rom spline, and how far it reaches.
const CUBIC_A = -0.5
const REACH = 2

/** The source pixels of an output pixel, from `first` on, with fixed-point weights. */
interface Taps {
  readonly first: number
  readonly weights: Int32Array
}

function resampleRows(rgb: Uint8Array, width: number, height: number, size: number): Uint8Array {
  const out = new Uint8Array(size * height * 3)
  const taps = filterTaps(width, size)
  for (let y = 0; y < height; y++)
    taps.forEach((tap, x) => {
      mix(rgb, (y * width + tap.first) * 3, 3, tap.weights, out, (y * size + x) * 3)
    })
  return out
}

function resampleColumns(rgb: Uint8Array, width: number, height: number, size: number): Uint8Array {
  const out = new Uint8Array(width * size * 3)
  filterTaps(height, size).forEach((tap, y) => {
    for (let x = 0; x < width; x++)
      mix(rgb, (tap.first * width + x) * 3, width * 3, tap.weights, out, (y * width + x) * 3)
  })
  return out
}

/** Writes the weighted sum of the pixels at `from`, `from + stride`, ... to `to`, channel by channel. */
function mix(rgb: Uint8Array, from: number, stride: number, weights: Int32Array, out: Uint8Array, to: number): void {
  let red = ROUND
  let green = ROUND
  let blue = ROUND
  for (let i = 0, at = from; i < weights.length; i++, at += stride) {
    const weight = weights[i]!
    red += rgb[at]! * weight
    green += rgb[at + 1]! * weight
    blue += rgb[at + 2]! * weight
  }
  out[to] = toByte(red)
  out[to + 1] = toByte(green)
  out[to + 2] = toByte(blue)
}

const toByte = (fixed: number): number => Math.min(Math.max(fixed >> PRECISION_BITS, 0), 255)

function filterTaps(from: number, to: number): Taps[] {
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const support = REACH * stretch
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale
    const first = Math.max(Math.trunc(center - support + 0.5), 0)
    const end = Math.min(Math.trunc(center + support + 0.5), from)
    const weights = Array.from({ length: end - first }, (_, k) => cubic((k + first - center + 0.5) / stretch))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return { first, weights: Int32Array.from(weights, (weight) => toFixed(weight / total)) }
  })
}

function cubic(distance: number): number {
  const x = Math.abs(distance)
  if (x < 1) return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * CUBIC_A : 0
}

/** Rounds half away from zero, as C's cast of x ± 0.5 does. */
const toFixed = (weight: number): number => Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5))
