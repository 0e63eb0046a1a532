import { expect, it } from 'vitest'
import { Tally } from '../../../src/data/inspect/tally.js'

it('tells smallest, median, mean and largest', () => {
  const tally = new Tally()
  expect(tally.spread).toBeUndefined()
  for (const value of [5, 1, 1, 9]) tally.add(value)
  expect(tally.spread).toEqual({ count: 4, min: 1, median: 1, mean: 4, max: 9 })
  tally.add(5)
  expect(tally.spread).toMatchObject({ count: 5, median: 5 })
})
