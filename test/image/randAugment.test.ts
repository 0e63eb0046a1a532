import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { type AugmentOperation, applyOperation, randAugment } from '../../src/image/randAugment.js'
import type { RgbPicture } from '../../src/image/resize.js'
import { Random } from '../../src/train/random/random.js'
import { fixture } from '../data/fixture.js'

interface Reference {
  readonly width: number
  readonly height: number
  readonly rgb: string
  readonly equalized: { readonly repeat: number; readonly rgb: string }
  readonly cases: readonly { operation: AugmentOperation; magnitude: number; sign: 1 | -1; rgb: string }[]
}
const { width, height, rgb, equalized, cases } = JSON.parse(
  readFileSync(fixture('rand-augment.json'), 'utf8'),
) as Reference
const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'))
const picture: RgbPicture = { rgb: bytes(rgb), width, height }

describe('each operation gives the bytes of OpenCV and NumPy', () => {
  it.each(cases)('$operation, magnitude $magnitude, sign $sign', ({ operation, magnitude, sign, rgb }) => {
    expect(applyOperation(picture, operation, magnitude, sign)).toEqual({ width, height, rgb: bytes(rgb) })
  })

  it('equalize, on a picture with enough pixels to change', () => {
    const large = repeated(picture, equalized.repeat)
    expect(applyOperation(large, 'equalize', 5, 1).rgb).toEqual(bytes(equalized.rgb))
    expect(applyOperation(picture, 'equalize', 5, 1).rgb).toEqual(picture.rgb)
  })
})

describe('randAugment', () => {
  it('depends on the random numbers alone, and leaves the picture as it was', () => {
    const before = picture.rgb.slice()
    const views = (seed: number) => {
      const random = new Random(seed)
      return Array.from({ length: 50 }, () => randAugment(picture, () => random.uniform()))
    }
    expect(views(1)).toEqual(views(1))
    expect(views(1)).not.toEqual(views(2))
    expect(picture.rgb).toEqual(before)
    const random = new Random(1)
    expect(randAugment(picture, () => random.uniform(), { operations: 0 })).toBe(picture)
  })

  it('draws all ten operations alike, each applied half of the time', () => {
    // Six of ten change this picture at magnitude 5: autocontrast, both shears, both shifts, the turn.
    const random = new Random(3)
    const draws = 4000
    let changed = 0
    for (let i = 0; i < draws; i++) {
      const { rgb } = randAugment(picture, () => random.uniform(), { operations: 1 })
      if (Buffer.compare(rgb, picture.rgb) !== 0) changed++
    }
    expect(changed / draws).toBeGreaterThan(0.27)
    expect(changed / draws).toBeLessThan(0.33)
  })

  it('refuses a strength out of range', () => {
    expect(() => randAugment(picture, Math.random, { magnitude: 11 })).toThrow(ConfigError)
    expect(() => randAugment(picture, Math.random, { operations: 1.5 })).toThrow(ConfigError)
  })
})

function repeated({ rgb, width, height }: RgbPicture, times: number): RgbPicture {
  const row = (y: number) => rgb.subarray(y * width * 3, (y + 1) * width * 3)
  const rows = Array.from({ length: height }, (_, y) => Array<Uint8Array>(times).fill(row(y))).flat()
  const once = Buffer.concat(rows)
  return { rgb: Buffer.concat(Array<Uint8Array>(times).fill(once)), width: width * times, height: height * times }
}
