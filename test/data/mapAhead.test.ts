import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { mapAhead } from '../../src/data/mapAhead.js'

it('keeps the order, and works on so many values at a time', async () => {
  let working = 0
  let most = 0
  const results: number[] = []
  for await (const result of mapAhead([5, 4, 3, 2, 1, 0], 3, async (value) => {
    most = Math.max(most, ++working)
    await delay(value)
    working--
    return value * 10
  }))
    results.push(result)
  expect(results).toEqual([50, 40, 30, 20, 10, 0])
  expect(most).toBe(3)
})

it('gives an error its place, and closes the source', async () => {
  let closed = false
  async function* source() {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      closed = true
    }
  }
  const results: number[] = []
  const run = async () => {
    for await (const result of mapAhead(source(), 4, async (value) => {
      if (value === 2) throw new Error('the third one')
      return value
    }))
      results.push(result)
  }
  await expect(run()).rejects.toThrow('the third one')
  expect(results).toEqual([0, 1])
  expect(closed).toBe(true)
})
