import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../src/errors.js'
import { resizePositions } from '../../src/models/positions.js'

const WIDTH = 2

/** A class token's row, then cells whose values are (row, column) put through `cell`. */
const table = (side: number, cell: (row: number, column: number) => readonly [number, number]) =>
  Float32Array.from([
    100,
    200,
    ...Array.from({ length: side * side }, (_, i) => cell(Math.floor(i / side), i % side)).flat(),
  ])

describe('resizePositions', () => {
  it('gives a copy when the size stays', () => {
    const original = table(3, (row, column) => [row, column])
    const same = resizePositions(original, WIDTH, 3, { alignCorners: true })
    expect(same).toEqual(original)
    expect(same).not.toBe(original)
  })

  it.each([true, false])('keeps the class token and a constant grid, alignCorners %s', (alignCorners) => {
    for (const side of [2, 5, 9]) {
      const resized = resizePositions(
        table(4, () => [3, -1]),
        WIDTH,
        side,
        { alignCorners },
      )
      expect(resized).toHaveLength((1 + side * side) * WIDTH)
      expect([...resized.subarray(0, 2)]).toEqual([100, 200])
      for (let i = 1; i <= side * side; i++) {
        expect(resized[2 * i]).toBeCloseTo(3, 5)
        expect(resized[2 * i + 1]).toBeCloseTo(-1, 5)
      }
    }
  })

  it('keeps the corners where they are aligned, rows and columns in their order', () => {
    const side = 7
    const resized = resizePositions(
      table(4, (row, column) => [row, column]),
      WIDTH,
      side,
      { alignCorners: true },
    )
    const cell = (row: number, column: number) => {
      const at = (1 + row * side + column) * WIDTH
      return [...resized.subarray(at, at + WIDTH)].map((value) => Number(value.toFixed(4)))
    }
    expect(cell(0, 0)).toEqual([0, 0])
    expect(cell(0, 6)).toEqual([0, 3])
    expect(cell(6, 0)).toEqual([3, 0])
    expect(cell(6, 6)).toEqual([3, 3])
    // A ramp stays one where the kernel does not reach the edge.
    expect(cell(3, 3)).toEqual([1.5, 1.5])
  })

  it('takes the middle of a grid that shrinks to one cell, unless corners are aligned', () => {
    const ramp = table(4, (row, column) => [row, column])
    expect(resizePositions(ramp, WIDTH, 1, { alignCorners: false })[2]).toBeCloseTo(1.5, 5)
    expect(resizePositions(ramp, WIDTH, 1, { alignCorners: true })[2]).toBeCloseTo(0, 5)
  })

  it('refuses a table that is not square', () => {
    expect(() => resizePositions(new Float32Array(12), WIDTH, 3, { alignCorners: true })).toThrow(ShapeError)
    expect(() => resizePositions(new Float32Array(12), WIDTH, 3, { alignCorners: true })).toThrow(/got 6 of width 2/)
  })
})
