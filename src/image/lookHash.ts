import type { RgbPicture } from './resize.js'

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

type Bits = readonly [high: number, low: number]

/** Bits in which the hashes of two copies may differ. */
const MOST_BITS = 3
/** With one part more than bits that differ, two hashes agree in one part at least. */
const PARTS = MOST_BITS + 1
const PART_BITS = 64 / PARTS

/** The hash of a picture of one colour. */
const PLAIN = '0'.repeat(16)

/**
 * Numbers of the hashes that are near each other, directly or through others, in groups; lone ones are left out, and plain
 * pictures, which all have the same hash.
 */
export function lookAlikes(looks: readonly string[]): number[][] {
  const bits = looks.map(bitsOf)
  const telling = [...looks.keys()].filter((i) => looks[i] !== PLAIN)
  const parents = looks.map((_, i) => i)
  const rootOf = (i: number): number => {
    let root = i
    while (parents[root] !== root) root = parents[root]!
    parents[i] = root
    return root
  }
  for (let part = 0; part < PARTS; part++) {
    const agreeing = grouped(telling, (i) => partOf(bits[i]!, part))
    for (const cell of agreeing)
      cell.forEach((a, i) => {
        for (let j = i + 1; j < cell.length; j++) {
          const b = cell[j]!
          if (distance(bits[a]!, bits[b]!) > MOST_BITS || rootOf(a) === rootOf(b)) continue
          parents[Math.max(rootOf(a), rootOf(b))] = Math.min(rootOf(a), rootOf(b))
        }
      })
  }
  return grouped(parents.keys(), rootOf).filter((group) => group.length > 1)
}

const bitsOf = (look: string): Bits => [Number.parseInt(look.slice(0, 8), 16), Number.parseInt(look.slice(8), 16)]

const partOf = ([high, low]: Bits, part: number): number =>
  ((part < PARTS / 2 ? high : low) >>> (PART_BITS * (part % (PARTS / 2)))) & (2 ** PART_BITS - 1)

const distance = (a: Bits, b: Bits): number => onesOf(a[0] ^ b[0]) + onesOf(a[1] ^ b[1])

function onesOf(bits: number): number {
  let left = bits - ((bits >>> 1) & 0x55555555)
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333)
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function grouped(numbers: Iterable<number>, keyOf: (number: number) => number): number[][] {
  const groups = new Map<number, number[]>()
  for (const number of numbers) {
    const key = keyOf(number)
    const group = groups.get(key)
    if (group) group.push(number)
    else groups.set(key, [number])
  }
  return [...groups.values()]
}
