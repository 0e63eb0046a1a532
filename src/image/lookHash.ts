import type { RgbPicture } from '../image/resize.js'

/** Rows and columns of brightness that a picture is reduced to. */
const ROWS = 8
const COLUMNS = 9
/** Steps of brightness (of 255) that count as none: what compression leaves around edges. */
const NOISE = 2

/**
 * 64 bits of how a picture looks: whether each part is brighter than the part to its right. Copies of other sizes or
 * compressions differ in few bits. -> 16 hexadecimal digits
 */
export async function lookHash({ rgb, width, height }: RgbPicture): Promise<string> {
  const { default: sharp } = await import('sharp')
  const gray = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .grayscale()
    .resize(COLUMNS, ROWS, { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer()
  let digits = ''
  for (let row = 0; row < ROWS; row++) {
    let bits = 0
    for (let column = 0; column + 1 < COLUMNS; column++) {
      const at = row * COLUMNS + column
      bits = bits * 2 + (gray[at]! > gray[at + 1]! + NOISE ? 1 : 0)
    }
    digits += bits.toString(16).padStart(2, '0')
  }
  return digits
}

/** The two halves of a hash as whole numbers. */
export const lookBits = (look: string): readonly [number, number] => [
  Number.parseInt(look.slice(0, 8), 16),
  Number.parseInt(look.slice(8), 16),
]

/** Bits in which two hashes differ. */
export const lookDistance = (a: readonly [number, number], b: readonly [number, number]): number =>
  onesOf(a[0] ^ b[0]) + onesOf(a[1] ^ b[1])

function onesOf(bits: number): number {
  let left = bits - ((bits >>> 1) & 0x55555555)
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333)
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
