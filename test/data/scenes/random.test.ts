import { expect, it } from 'vitest'
import { pick, seededUniform, shuffled } from '../../../src/data/scenes/random.js'
import { DataError } from '../../../src/errors.js'

it('gives numbers in [0, 1) with an even spread, the same for a seed', () => {
  const random = seededUniform(42)
  const values = Array.from({ length: 10_000 }, random)
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
  expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 1)
  const again = seededUniform(42)
  expect(values.slice(0, 10)).toEqual(Array.from({ length: 10 }, again))
})

it('shuffles a copy and picks every value', () => {
  const random = seededUniform(1)
  const values = [1, 2, 3, 4]
  expect(shuffled(values, random).sort()).toEqual(values)
  expect(new Set(Array.from({ length: 100 }, () => pick(values, random)))).toEqual(new Set(values))
  expect(values).toEqual([1, 2, 3, 4])
  expect(() => pick([], random)).toThrow(DataError)
})
