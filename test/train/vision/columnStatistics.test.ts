import { expect, it } from 'vitest'
import { columnStatistics } from '../../../src/train/vision/columnStatistics.js'

it('gives mean and deviation of each column; a constant column has a deviation that divides', () => {
  const { mean, std } = columnStatistics(Float32Array.of(1, 5, 2, 5, 3, 5, 6, 5), 2)
  expect([...mean]).toEqual([3, 5])
  expect(std[0]).toBeCloseTo(Math.sqrt(3.5), 6)
  expect(std[1]).toBeGreaterThan(0)
})
