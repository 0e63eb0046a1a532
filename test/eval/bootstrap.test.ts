import { describe, expect, it } from 'vitest'
import { bootstrapIntervals, bootstrapMean, meanAt } from '../../src/eval/bootstrap.js'
import { Random } from '../../src/train/random/random.js'

const random = new Random(3, 'values')
const values = Array.from({ length: 400 }, () => random.normal())

describe('bootstrapMean', () => {
  it('is near the interval that the normal distribution gives', () => {
    const mean = meanAt(values, Int32Array.from(values.keys()))
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    const { low, high } = bootstrapMean(values, { samples: 4000 })
    expect(low).toBeCloseTo(mean - (1.96 * deviation) / 20, 2)
    expect(high).toBeCloseTo(mean + (1.96 * deviation) / 20, 2)
  })

  it('is the same for the same seed, and no other', () => {
    expect(bootstrapMean(values, { seed: 5 })).toEqual(bootstrapMean(values, { seed: 5 }))
    expect(bootstrapMean(values, { seed: 5 })).not.toEqual(bootstrapMean(values, { seed: 6 }))
  })

  it('is a point where all values are one', () => {
    expect(bootstrapMean([0.25, 0.25, 0.25])).toEqual({ low: 0.25, high: 0.25 })
  })

  it('narrows with the level', () => {
    const [wide, narrow] = [bootstrapMean(values, { level: 0.95 }), bootstrapMean(values, { level: 0.5 })]
    expect(narrow.low).toBeGreaterThan(wide.low)
    expect(narrow.high).toBeLessThan(wide.high)
  })
})

it('bootstrapIntervals scores each draw once for all names', () => {
  let draws = 0
  const intervals = bootstrapIntervals(
    values.length,
    (indices) => {
      draws++
      return { mean: meanAt(values, indices), first: indices[0]! }
    },
    { samples: 50 },
  )
  expect(draws).toBe(50)
  expect(Object.keys(intervals)).toEqual(['mean', 'first'])
})

it('refuses options out of range', () => {
  expect(() => bootstrapMean(values, { samples: 0 })).toThrow(/samples is 0/)
  expect(() => bootstrapMean(values, { level: 95 })).toThrow(/level is 95/)
})
