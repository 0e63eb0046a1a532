import { describe, expect, it } from 'vitest'

import { ConfigError } from '../../../src/errors.js'
import { counterHash, sequenceKeys } from '../../../src/train/random/counterHash.js'
import { DropoutMasks } from '../../../src/train/random/dropoutMasks.js'

const SIZE = 1_000_000

function draw(seed: number, step: number, name: string, probability = 0.1, size = SIZE): Uint8Array {
  const masks = new DropoutMasks(seed, [{ name, size, probability }])
  masks.fill(step)
  return masks.mask(name)
}

/** Correlation of two masks of 10 % zeros, in standard errors. */
function correlation(a: Uint8Array, b: Uint8Array): number {
  const count = Math.min(a.length, b.length)
  let sum = 0
  for (let i = 0; i < count; i++) sum += (a[i]! - 0.9) * (b[i]! - 0.9)
  return Math.abs(sum) / 0.09 / Math.sqrt(count)
}

describe('DropoutMasks', () => {
  it('agrees with the hash, one number at a time', () => {
    const [key0, key1] = sequenceKeys(5, 'dropout/3/site')
    const mask = draw(5, 3, 'site', 0.3, 100)
    // 16 masks a turn: the halves of four hashes, then those of the next four.
    const expected = Array.from({ length: 100 }, (_, i) => {
      const hash = counterHash(i >> 1, key0, key1)
      const half = ((i & 1 ? hash >>> 16 : hash) << 16) >> 16
      return half >= Math.round(0.3 * 65536) - 32768 ? 1 : 0
    })
    expect([...mask]).toEqual(expected)
  })

  it.each([0, 0.1, 0.5, 0.9999])('drops a share of %d', (probability) => {
    const mask = draw(1, 0, 'site', probability)
    const dropped = mask.reduce((sum, keep) => sum + 1 - keep, 0) / SIZE
    const error = Math.sqrt((probability * (1 - probability)) / SIZE)
    expect(Math.abs(dropped - probability)).toBeLessThanOrEqual(5 * error + 1 / 131_072)
    expect(mask.every((keep) => keep === 0 || keep === 1)).toBe(true)
  })

  it('has no correlation between neighbours, rows, sites, steps or seeds', () => {
    const mask = draw(1, 7, 'layer.0')
    for (const distance of [1, 2, 3, 4, 8, 16, 64, 768, 1024, 65_536])
      expect(correlation(mask, mask.subarray(distance))).toBeLessThan(5)
    expect(correlation(mask, draw(1, 7, 'layer.1'))).toBeLessThan(5)
    expect(correlation(mask, draw(1, 8, 'layer.0'))).toBeLessThan(5)
    expect(correlation(mask, draw(2, 7, 'layer.0'))).toBeLessThan(5)
  })

  it('has runs of ones as long as chance makes them', () => {
    const mask = draw(3, 0, 'site', 0.5)
    const runs = new Map<number, number>()
    for (let start = 0; start < SIZE; ) {
      let end = start
      while (end < SIZE && mask[end] === 1) end++
      runs.set(end - start, (runs.get(end - start) ?? 0) + 1)
      start = end + 1
    }
    const total = [...runs.values()].reduce((a, b) => a + b, 0)
    for (const length of [0, 1, 2, 3, 5, 8]) {
      const expected = total / 2 ** (length + 1)
      expect(Math.abs(runs.get(length)! - expected)).toBeLessThan(5 * Math.sqrt(expected))
    }
  })

  it('keeps the arrays and the masks of several sites apart', () => {
    const masks = new DropoutMasks(1, [
      { name: 'a', size: 70, probability: 0.5 },
      { name: 'b', size: 10, probability: 0 },
    ])
    const a = masks.mask('a')
    masks.fill(0)
    const first = a.slice()
    masks.fill(1)
    expect(masks.mask('a')).toBe(a)
    expect(a).not.toEqual(first)
    masks.fill(0)
    expect(a).toEqual(first)
    expect(masks.mask('b')).toEqual(new Uint8Array(10).fill(1))
  })

  it('refuses probabilities and names that are none', () => {
    expect(() => draw(1, 0, 'site', 1)).toThrow(ConfigError)
    expect(() => draw(1, 0, 'site', Number.NaN)).toThrow(ConfigError)
    const twice = { name: 'a', size: 1, probability: 0 }
    expect(() => new DropoutMasks(1, [twice, twice])).toThrow(/same name/)
    expect(() => new DropoutMasks(1, [twice]).mask('b')).toThrow(ConfigError)
  })
})
