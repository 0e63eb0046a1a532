import { describe, expect, it } from 'vitest'
import { Random } from '../../../src/train/random/random.js'
import { corruptSpans } from '../../../src/train/t5/spanCorruption.js'

const sentinels = [100, 101, 102, 103, 104, 105, 106, 107]
const spans = { sentinels, endToken: 99 }

describe('span corruption', () => {
  it('loses nothing: the target fills the gaps of the input', () => {
    for (let trial = 0; trial < 200; trial++) {
      const random = new Random(1, `${trial}`)
      const tokens = Array.from({ length: 2 + random.integer(70) }, (_, i) => i)
      const { input, target } = corruptSpans(tokens, spans, random)
      expect(input.at(-1)).toBe(99)
      expect(target.at(-1)).toBe(99)
      const missing = new Map<number, number[]>()
      for (const token of target.slice(0, -1)) {
        if (token >= 100) missing.set(token, [])
        else [...missing.values()].at(-1)!.push(token)
      }
      const restored = input.slice(0, -1).flatMap((token) => missing.get(token) ?? [token])
      expect(restored).toEqual(tokens)
      expect([...missing.keys()]).toEqual(sentinels.slice(0, missing.size))
      expect(Math.min(...[...missing.values()].map(({ length }) => length))).toBeGreaterThan(0)
    }
  })

  it('takes 15 % out, in spans of 3 on average', () => {
    const { target } = corruptSpans(
      Array.from({ length: 80 }, (_, i) => i),
      spans,
      new Random(2),
    )
    expect(target.filter((token) => token < 99)).toHaveLength(12)
    expect(target.filter((token) => token >= 100)).toHaveLength(4)
  })
})
