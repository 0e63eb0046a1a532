import { describe, expect, it } from 'vitest'
import { blendPictures } from '../../src/image/blendPictures.js'

const SIDE = 10
const filled = (...rgba: readonly number[]) => Uint8Array.from({ length: 4 * SIDE * SIDE }, (_, i) => rgba[i % 4]!)
const RED = filled(200, 0, 0, 255)
const BLUE = filled(0, 0, 100, 255)
/** Gives these numbers in turn. */
const numbers =
  (...values: number[]) =>
  () =>
    values.shift()!
const pixels = (rgba: Uint8Array) => Array.from({ length: SIDE * SIDE }, (_, i) => [...rgba.slice(4 * i, 4 * i + 4)])

describe('a blend of two pictures', () => {
  it('lays one over the other, in the same share everywhere', () => {
    const half = blendPictures(RED, BLUE, SIDE, numbers(0.9, 0.5))
    expect(new Set(pixels(half).map(String))).toEqual(new Set(['100,0,50,255']))
  })

  it('cuts them along a line, each whole on its side', () => {
    const cut = pixels(blendPictures(RED, BLUE, SIDE, numbers(0.1, 0, 0.5)))
    expect(cut.every((pixel, i) => String(pixel) === (i % SIDE > SIDE / 2 ? '0,0,100,255' : '200,0,0,255'))).toBe(true)
  })

  it('takes no colour from where a picture is transparent', () => {
    const over = blendPictures(filled(9, 9, 9, 0), BLUE, SIDE, numbers(0.9, 0.5))
    expect(pixels(over)[0]).toEqual([0, 0, 100, 128])
    expect(pixels(blendPictures(filled(9, 9, 9, 0), filled(8, 8, 8, 0), SIDE, numbers(0.9, 0.5)))[0]).toEqual([
      0, 0, 0, 0,
    ])
  })
})
