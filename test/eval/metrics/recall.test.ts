import { expect, it } from 'vitest'
import { rankOf, recallAt } from '../../../src/eval/metrics/recall.js'

it('recallAt counts the rows that are right early enough', () => {
  expect(recallAt(1, [0, 1, 4, Number.POSITIVE_INFINITY])).toBe(0.25)
  expect(recallAt(5, [0, 1, 4, Number.POSITIVE_INFINITY])).toBe(0.75)
})

it('rankOf is the place of the first right column', () => {
  expect(rankOf([4, 2, 7], (column) => column === 2 || column === 7)).toBe(1)
  expect(rankOf([4, 2, 7], () => false)).toBe(Number.POSITIVE_INFINITY)
})
