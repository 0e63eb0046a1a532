import { describe, expect, it } from 'vitest'
import { nearestNeighbourRecall } from '../../src/eval/nearestNeighbour.js'
import { pixelVectors } from '../../src/eval/pixelVectors.js'

const labelled = (rows: number[][], captions: string[][]) => ({
  vectors: Float32Array.from(rows.flat()),
  width: rows[0]!.length,
  captions,
})

describe('nearestNeighbourRecall', () => {
  const gallery = labelled(
    [
      [5, 0],
      [1, 1],
      [0, 3],
      [-1, 0],
      [0, -1],
    ],
    [['cat'], ['dog', 'puppy'], ['sun'], ['moon'], ['star']],
  )

  it('counts a query whose nearest picture shares one of its captions', () => {
    const queries = labelled(
      [
        [1, 0.1],
        [1, 0.9],
        [0.2, 9],
      ],
      [['cat'], ['puppy'], ['cat', 'moon']],
    )
    expect(nearestNeighbourRecall(queries, gallery)).toEqual({ recallAt1: 2 / 3, recallAt5: 1, queries: 3, gallery: 5 })
  })

  it('compares directions, not lengths', () => {
    expect(nearestNeighbourRecall(labelled([[0.001, 0]], [['cat']]), gallery).recallAt1).toBe(1)
  })

  it('refuses vectors that do not fit', () => {
    expect(() => nearestNeighbourRecall(labelled([[1]], [['cat']]), gallery)).toThrow('must be equal')
    expect(() => nearestNeighbourRecall(labelled([[1, 2]], []), gallery)).toThrow('Expected queries')
  })
})

describe('pixelVectors', () => {
  it('measures ink on white', () => {
    const picture = { rgba: Uint8Array.from(Array(4).fill([0, 255, 0, 255]).flat()), size: 2 }
    const { vectors, width } = pixelVectors([{ picture, captions: ['green'] }], 2)
    expect(width).toBe(12)
    expect([...vectors].map((value) => value + 0)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
  })
})
