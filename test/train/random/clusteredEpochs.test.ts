import { expect, it } from 'vitest'
import { clusteredEpochs } from '../../../src/train/random/clusteredEpochs.js'

const kinds = Array.from({ length: 200 }, (_, i) => i % 5)
const epoch = (seed: number, number = 0) => {
  const order = clusteredEpochs(kinds, 8, seed)
  return kinds.map((_, i) => order(number * kinds.length + i))
}

it('gives every index once an epoch, in an order of its own', () => {
  for (const number of [0, 1]) expect(epoch(3, number).toSorted((a, b) => a - b)).toEqual(kinds.map((_, i) => i))
  expect(epoch(3, 0)).not.toEqual(epoch(3, 1))
  expect(epoch(3)).toEqual(epoch(3))
  expect(epoch(3)).not.toEqual(epoch(4))
})

it('puts as many of one kind together as asked for', () => {
  const order = epoch(3)
  for (let start = 0; start < order.length; start += 8)
    expect(new Set(order.slice(start, start + 8).map((index) => kinds[index])).size).toBe(1)
})

it('does not follow the order of the kinds', () => {
  const order = epoch(3)
  const firsts = Array.from({ length: 25 }, (_, i) => kinds[order[8 * i]!])
  expect(new Set(firsts.slice(0, 8)).size).toBeGreaterThan(2)
})
