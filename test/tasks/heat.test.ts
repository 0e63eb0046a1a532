import { expect, it } from 'vitest'
import { heatColor, stretched } from '../../src/tasks/heat.js'

it('stretches a map from its lowest value to its highest', () => {
  expect(Array.from(stretched([3, 1, 2]))).toEqual([1, 0, 0.5])
  expect(Array.from(stretched([5, 5]))).toEqual([0, 0])
})

it('colours go from yellow to dark red, ever darker', () => {
  expect(heatColor(0)).toEqual([255, 237, 160])
  expect(heatColor(1)).toEqual([189, 0, 38])
  const lightness = Array.from({ length: 11 }, (_, i) => heatColor(i / 10)).map(([r, g, b]) => r! * 3 + g! * 6 + b!)
  expect(lightness).toEqual(lightness.toSorted((a, b) => b - a))
})
