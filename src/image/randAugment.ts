import { ConfigError } from '../errors.js'
import type { RandomSource } from './augment.js'
import type { RgbPicture } from './resize.js'

const OPERATIONS = [
  'identity',
  'autoContrast',
  'brightness',
  'sharpness',
  'equalize',
  'shearX',
  'shearY',
  'translateX',
  'translateY',
  'rotate',
] as const

/** One change of a picture. */
export type AugmentOperation = (typeof OPERATIONS)[number]

export interface RandAugmentOptions {
  /** How many operations are drawn, with repetition; each is left out half of the time. Default 2. */
  readonly operations?: number
  /** Strength of each, from 0 to 10. Default 5. */
  readonly magnitude?: number
}

/**
 * RandAugment(2, 5) with the ten operations of BLIP's image processor, which the released BLIP-2 uses for Visual Genome.
 * It comes after crop and mirror and before normalisation. Pixels that come from outside the picture are grey.
 *
 * At the default strength brightness and sharpness have the factor 1, so they change nothing, as in the released code.
 * Its autocontrast is meant to be Pillow's but overflows a byte where a channel has no 0, and paints that channel white;
 * here it is Pillow's.
 */
export function randAugment(
  picture: RgbPicture,
  random: RandomSource,
  { operations = 2, magnitude = 5 }: RandAugmentOptions = {},
): RgbPicture {
  if (!(Number.isInteger(operations) && operations >= 0 && magnitude >= 0 && magnitude <= MAX_MAGNITUDE))
    throw new ConfigError(
      `RandAugment takes 0 operations or more and a magnitude from 0 to ${MAX_MAGNITUDE}, got ${operations} and ${magnitude}`,
    )
  let changed = picture
  for (let i = 0; i < operations; i++) {
    const operation = OPERATIONS[Math.floor(random() * OPERATIONS.length)]!
    const isLeftOut = random() >= 0.5
    const sign = random() < 0.5 ? -1 : 1
    if (!isLeftOut) changed = applyOperation(changed, operation, magnitude, sign)
  }
  return changed
}

/**
 * One operation at a strength from 0 to 10. `sign` gives shear, shift and turn their direction.
 * @returns A new picture; the one given is left alone.
 */
export function applyOperation(
  picture: RgbPicture,
  operation: AugmentOperation,
  magnitude: number,
  sign: 1 | -1,
): RgbPicture {
  const strength = magnitude / MAX_MAGNITUDE
  // Each range at full strength is the released code's.
  const enhancement = strength * 1.8 + 0.1
  const shear = Math.fround(sign * strength * 0.3)
  const shift = sign * strength * 10
  switch (operation) {
    case 'identity':
      return picture
    case 'autoContrast':
      return mapChannels(picture, stretchTable)
    case 'equalize':
      return mapChannels(picture, equalizeTable)
    case 'brightness':
      return mapChannels(picture, () => byteTable((value) => Math.fround(value * Math.fround(enhancement))))
    case 'sharpness':
      return sharpen(picture, enhancement)
    case 'shearX':
      return warp(picture, [1, shear, 0, 0, 1, 0])
    case 'shearY':
      return warp(picture, [1, 0, 0, shear, 1, 0])
    case 'translateX':
      return warp(picture, [1, 0, -shift, 0, 1, 0])
    case 'translateY':
      return warp(picture, [1, 0, 0, 0, 1, -shift])
    case 'rotate':
      return warp(picture, rotation(picture, sign * strength * 30))
  }
}

const MAX_MAGNITUDE = 10

type Histogram = Uint32Array
type Table = Uint8Array

function mapChannels({ rgb, width, height }: RgbPicture, tableOf: (histogram: Histogram) => Table): RgbPicture {
  const out = new Uint8Array(rgb.length)
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256)
    for (let i = channel; i < rgb.length; i += 3) histogram[rgb[i]!]!++
    const table = tableOf(histogram)
    for (let i = channel; i < rgb.length; i += 3) out[i] = table[rgb[i]!]!
  }
  return { rgb: out, width, height }
}

/** The darkest value becomes 0 and the brightest 255. */
function stretchTable(histogram: Histogram): Table {
  const low = histogram.findIndex((count) => count > 0)
  const high = histogram.findLastIndex((count) => count > 0)
  if (high <= low) return byteTable((value) => value)
  const scale = 255 / (high - low)
  return byteTable((value) => value * scale - low * scale)
}

/** Pillow's equalisation: all values become about as frequent. */
function equalizeTable(histogram: Histogram): Table {
  const last = histogram.findLastIndex((count) => count > 0)
  const total = histogram.reduce((sum, count) => sum + count, 0)
  const step = Math.floor((total - histogram[last]!) / 255)
  if (step === 0) return byteTable((value) => value)
  let below = Math.floor(step / 2)
  return byteTable((value) => {
    const level = Math.floor(below / step)
    below += histogram[value]!
    return level
  })
}

/** Cut to 0..255 and to whole numbers, as a cast of numpy does. */
const byteTable = (map: (value: number) => number): Table =>
  Uint8Array.from({ length: 256 }, (_, value) => Math.trunc(Math.min(Math.max(map(value), 0), 255)))

/** Away from (factor above 1) or towards a blur by the kernel [1 1 1; 1 5 1; 1 1 1] / 13; the border is left as it is. */
function sharpen({ rgb, width, height }: RgbPicture, factor: number): RgbPicture {
  const out = Uint8Array.from(rgb)
  const row = width * 3
  for (let y = 1; y < height - 1; y++)
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * rgb[i]!
      for (const line of [i - row, i, i + row]) sum += rgb[line - 3]! + rgb[line]! + rgb[line + 3]!
      const blurred = Math.round(sum / 13)
      // A cast of numpy wraps around where the value leaves a byte.
      out[i] = Math.trunc(Math.fround(blurred + Math.fround(Math.fround(factor) * (rgb[i]! - blurred))))
    }
  return { rgb: out, width, height }
}

/** Target x = m[0] x + m[1] y + m[2], target y = m[3] x + m[4] y + m[5], in pixels. */
type AffineMatrix = readonly [number, number, number, number, number, number]

function rotation({ width, height }: RgbPicture, degrees: number): AffineMatrix {
  const cos = Math.cos((degrees * Math.PI) / 180)
  const sin = Math.sin((degrees * Math.PI) / 180)
  const [x, y] = [width / 2, height / 2]
  return [cos, sin, (1 - cos) * x - sin * y, -sin, cos, sin * x + (1 - cos) * y]
}

const GROUND = 128
// OpenCV's fixed point: coordinates in 1/1024 pixel, rounded to 1/32 for interpolation.
const COORDINATE = 1024
const STEPS = 32

/** Moves the picture as OpenCV's warpAffine does with bilinear interpolation. */
function warp(picture: RgbPicture, matrix: AffineMatrix): RgbPicture {
  const { width, height } = picture
  const [a, b, c, d, e, f] = inverse(matrix)
  const out = new Uint8Array(width * height * 3)
  const fixed = (value: number) => roundToEven(value * COORDINATE)
  const half = COORDINATE / STEPS / 2
  for (let y = 0, to = 0; y < height; y++) {
    const rowX = fixed(b * y + c) + half
    const rowY = fixed(e * y + f) + half
    for (let x = 0; x < width; x++, to += 3) {
      const fromX = (rowX + fixed(a * x)) >> 5
      const fromY = (rowY + fixed(d * x)) >> 5
      sampleInto(out, to, picture, fromX, fromY)
    }
  }
  return { rgb: out, width, height }
}

/** Bilinear sample at x / 32, y / 32. */
function sampleInto(out: Uint8Array, to: number, { rgb, width, height }: RgbPicture, x: number, y: number): void {
  const [left, top] = [x >> 5, y >> 5]
  const [right, bottom] = [x & (STEPS - 1), y & (STEPS - 1)]
  const at = (top * width + left) * 3
  // Where each of the four pixels is; -1 outside the picture.
  const hasLeft = left >= 0 && left < width
  const hasRight = left >= -1 && left < width - 1
  const hasTop = top >= 0 && top < height
  const hasBottom = top >= -1 && top < height - 1
  const topLeft = hasTop && hasLeft ? at : -1
  const topRight = hasTop && hasRight ? at + 3 : -1
  const bottomLeft = hasBottom && hasLeft ? at + width * 3 : -1
  const bottomRight = hasBottom && hasRight ? at + width * 3 + 3 : -1
  for (let channel = 0; channel < 3; channel++) {
    const upper =
      (topLeft < 0 ? GROUND : rgb[topLeft + channel]!) * (STEPS - right) +
      (topRight < 0 ? GROUND : rgb[topRight + channel]!) * right
    const lower =
      (bottomLeft < 0 ? GROUND : rgb[bottomLeft + channel]!) * (STEPS - right) +
      (bottomRight < 0 ? GROUND : rgb[bottomRight + channel]!) * right
    out[to + channel] = (upper * (STEPS - bottom) + lower * bottom + STEPS ** 2 / 2) >> 10
  }
}

function inverse([a, b, c, d, e, f]: AffineMatrix): AffineMatrix {
  const scale = 1 / (a * e - b * d)
  const [p, q, r, s] = [e * scale, -b * scale, -d * scale, a * scale]
  return [p, q, -p * c - q * f, r, s, -r * c - s * f]
}

function roundToEven(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
