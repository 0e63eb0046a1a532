import { describe, expect, it } from 'vitest'
import type { RgbaPicture } from '../../src/image/affineSampler.js'
import { createAffineSampler } from '../../src/image/affineSampler.js'
import { createAugmenter, createEvaluationView } from '../../src/image/augment.js'
import { colorMatrix } from '../../src/image/colorMatrix.js'

/** A picture whose pixel at (x, y) is what `color` says, RGBA in 0..255. */
function paint(size: number, color: (x: number, y: number) => readonly number[]): RgbaPicture {
  const pixels = Array.from({ length: size * size }, (_, i) => color(i % size, Math.floor(i / size)))
  return { rgba: Uint8Array.from(pixels.flat()), size }
}

function counter(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const red = [255, 0, 0, 255]
const nothing = [0, 0, 0, 0]
/** Red on the left half, nothing on the right half. */
const halfRed = paint(80, (x) => (x < 40 ? red : nothing))

describe('createEvaluationView', () => {
  it('copies a picture of the same size, on white', () => {
    const view = createEvaluationView({ size: 80 })
    const out = new Float32Array(3 * 80 * 80)
    view(halfRed, out)
    const at = (channel: number, x: number) => out[channel * 6400 + 40 * 80 + x]!
    expect([at(0, 39), at(1, 39), at(2, 39)].map((value) => value.toFixed(3))).toEqual(['1.000', '0.000', '0.000'])
    expect([at(0, 40), at(1, 40), at(2, 40)].map((value) => value.toFixed(3))).toEqual(['1.000', '1.000', '1.000'])
  })

  it('has no dark fringe where the picture becomes transparent', () => {
    const view = createEvaluationView({ size: 64 })
    const out = new Float32Array(3 * 64 * 64)
    view(halfRed, out)
    for (const value of out.subarray(0, 64 * 64)) expect(value).toBeCloseTo(1, 5)
  })

  it('averages detail that is too fine for the view', () => {
    const stripes = paint(80, (x) => (x % 2 === 0 ? [0, 0, 0, 255] : [255, 255, 255, 255]))
    const out = new Float32Array(3 * 16 * 16)
    createEvaluationView({ size: 16 })(stripes, out)
    for (const value of out) expect(Math.abs(value - 0.5)).toBeLessThan(0.15)
  })

  it('normalises, and writes where it is told', () => {
    const out = new Float32Array(5 + 3 * 4)
    createEvaluationView({ size: 2, mean: [0.5, 0.5, 0.5], std: [0.5, 0.25, 0.5] })(
      paint(2, () => red),
      out,
      5,
    )
    expect([...out]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, -2, -2, -2, -2, -1, -1, -1, -1])
  })

  it('refuses an output that is too small', () => {
    expect(() => createEvaluationView({ size: 8 })(halfRed, new Float32Array(10))).toThrow('A view needs 192 floats')
  })
})

describe('createAffineSampler', () => {
  it('mirrors', () => {
    const straight = new Float32Array(3 * 64 * 64)
    const mirrored = new Float32Array(3 * 64 * 64)
    const sampler = createAffineSampler({ size: 64 })
    const view = { affine: { a: 1, b: 0, c: 0, d: 0, e: 1, f: 0 }, ground: [1, 1, 1] as const }
    sampler(halfRed, view, straight)
    sampler(halfRed, { ...view, affine: { ...view.affine, a: -1, c: 1 } }, mirrored)
    for (const x of [0, 20, 31, 32, 63]) expect(mirrored[4096 + x]).toBeCloseTo(straight[4096 + 63 - x]!, 4)
  })

  it('turns a quarter about the centre', () => {
    const out = new Float32Array(3 * 80 * 80)
    const affine = { a: 0, b: 1, c: 0, d: 1, e: 0, f: 0 }
    createAffineSampler({ size: 80 })(halfRed, { affine, ground: [1, 1, 1] }, out)
    expect(out[6400 + 10 * 80 + 70]).toBeCloseTo(0)
    expect(out[6400 + 70 * 80 + 10]).toBeCloseTo(1)
  })
})

describe('createAugmenter', () => {
  const picture = paint(80, (x, y) => (Math.hypot(x - 40, y - 40) < 30 ? [x * 3, y * 3, 99, 255] : nothing))

  it('depends on the seed only', () => {
    const augment = createAugmenter({ size: 32 })
    const views = [7, 7, 8].map((seed) => {
      const out = new Float32Array(3 * 32 * 32)
      augment(picture, true, counter(seed), out)
      return out
    })
    expect(views[0]).toEqual(views[1])
    expect(views[0]).not.toEqual(views[2])
  })

  it('stays in 0..1', () => {
    const augment = createAugmenter({ size: 32, brightness: 0.9, contrast: 0.9, hue: 0.5, invert: 0.5 })
    const out = new Float32Array(3 * 32 * 32)
    const random = counter(1)
    for (let i = 0; i < 50; i++) {
      augment(picture, true, random, out)
      expect(out.every((value) => value >= 0 && value <= 1)).toBe(true)
    }
  })

  it('mirrors only what may be mirrored', () => {
    const still = { area: [1, 1], aspect: [1, 1], rotation: 0, translation: 0, whiteGround: 1, flip: 1 } as const
    const augment = createAugmenter({ size: 32, ...still, brightness: 0, contrast: 0, saturation: 0, hue: 0 })
    const out = new Float32Array(3 * 32 * 32)
    const green = () => [out[1024 + 16 * 32 + 2]!, out[1024 + 16 * 32 + 29]!].map(Math.round)
    augment(halfRed, false, counter(3), out)
    expect(green()).toEqual([0, 1])
    augment(halfRed, true, counter(3), out)
    expect(green()).toEqual([1, 0])
  })
})

describe('colorMatrix', () => {
  const unchanged = { brightness: 1, contrast: 1, saturation: 1, hue: 0, invert: false }
  const apply = (m: readonly number[], [r, g, b]: readonly [number, number, number]) =>
    [0, 4, 8].map((row) => m[row]! * r + m[row + 1]! * g + m[row + 2]! * b + m[row + 3]!)

  it('leaves colours alone when nothing changes', () => {
    for (const [i, value] of apply(colorMatrix(unchanged), [0.2, 0.5, 0.9]).entries()) {
      expect(value).toBeCloseTo([0.2, 0.5, 0.9][i]!)
    }
  })

  it('keeps white and swaps it with black when inverted', () => {
    const inverted = colorMatrix({ ...unchanged, invert: true })
    for (const value of apply(inverted, [1, 1, 1])) expect(value).toBeCloseTo(0)
    for (const value of apply(inverted, [0, 0, 0])) expect(value).toBeCloseTo(1)
  })

  it('turns red into green by a third of the hue circle, and into its luma without saturation', () => {
    const turned = apply(colorMatrix({ ...unchanged, hue: (2 * Math.PI) / 3 }), [1, 0, 0])
    expect(turned.map((value) => Math.round(value * 1000) / 1000 + 0)).toEqual([0, 1, 0])
    for (const value of apply(colorMatrix({ ...unchanged, saturation: 0 }), [1, 0, 0])) expect(value).toBeCloseTo(0.299)
  })
})
