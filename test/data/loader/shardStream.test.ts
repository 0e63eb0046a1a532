import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Losses } from '../../../src/data/loader/losses.js'
import type { Shard } from '../../../src/data/loader/shard.js'
import { ShardStream, type ShardStreamOptions, shardStreamStateSchema } from '../../../src/data/loader/shardStream.js'
import { CheckpointError, ConfigError, DataError } from '../../../src/errors.js'

/** A shard of numbered samples of 10 bytes; after `breaksAfter` of them it is damaged. */
const shard = (name: string, count: number, breaksAfter = count): Shard<string> => ({
  name,
  async *samples(from) {
    for (let i = from; i < breaksAfter; i++) {
      const key = `${name}${i}`
      yield { key, offset: i, next: i + 1, bytes: 10, sample: key }
    }
    if (breaksAfter < count) throw new DataError(`${name} is truncated`)
  },
})
const shardsOf = (counts: readonly number[]) => counts.map((count, i) => shard(String.fromCharCode(97 + i), count))
const names = (counts: readonly number[]) =>
  counts.flatMap((count, i) => Array.from({ length: count }, (_, k) => `${String.fromCharCode(97 + i)}${k}`))

async function take(stream: ShardStream<string>, count: number): Promise<string[]> {
  const keys: string[] = []
  while (keys.length < count) keys.push((await stream.next()).key)
  return keys
}
const open = (shards: Shard<string>[], options: Partial<ShardStreamOptions> = {}) =>
  ShardStream.open(shards, new Losses(), { seed: 1, bufferSamples: 4, samplesAhead: 2, ...options })

describe('ShardStream', () => {
  it('gives every sample once an epoch, in another order each time', async () => {
    const counts = [5, 0, 7, 3]
    const stream = await open(shardsOf(counts))
    const epochs = [await take(stream, 15), await take(stream, 15), await take(stream, 15)]
    for (const epoch of epochs) expect([...epoch].sort()).toEqual(names(counts).sort())
    expect(new Set(epochs.map(String)).size).toBe(3)
    expect(await take(await open(shardsOf(counts)), 45)).toEqual(epochs.flat())
    expect(await take(await open(shardsOf(counts), { seed: 2 }), 15)).not.toEqual(epochs[0])
  })

  it('splits shards among the ranks after shuffling them', async () => {
    const counts = [2, 2, 2, 2, 2, 2]
    const perRank = async (rank: number) => {
      const stream = await open(shardsOf(counts), { rank, size: 3 })
      return [await take(stream, 4), await take(stream, 4)]
    }
    const ranks = [await perRank(0), await perRank(1), await perRank(2)]
    for (const epoch of [0, 1]) expect(ranks.flatMap((own) => own[epoch]!).sort()).toEqual(names(counts))
    // Another epoch gives a rank other shards.
    expect(ranks.map(([first]) => [...first!].sort())).not.toEqual(ranks.map((own) => [...own[1]!].sort()))
    await expect(open(shardsOf(counts), { rank: 0, size: 7 })).rejects.toThrow(/6 shard\(s\) for 7 ranks/)
    await expect(open(shardsOf(counts), { rank: 3, size: 3 })).rejects.toThrow(ConfigError)
  })

  it('goes on from a state as if it had never stopped', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }).filter((counts) => counts.some((count) => count > 0)),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(25),
      async (counts, bufferSamples, bufferBytes, stop) => {
        const options = { bufferSamples, bufferBytes }
        const whole = await take(await open(shardsOf(counts), options), 30)
        const first = await open(shardsOf(counts), options)
        const before = await take(first, stop)
        const state = shardStreamStateSchema.parse(JSON.parse(JSON.stringify(first.state)))
        const second = await ShardStream.open(shardsOf(counts), new Losses(), { seed: 1, ...options }, state)
        expect([...before, ...(await take(second, 30 - stop))]).toEqual(whole)
      },
    )
    await fc.assert(property, { seed: 3, numRuns: 150 })
  })

  it('holds no more samples than the buffer and the reading ahead', async () => {
    let read = 0
    const counting: Shard<string> = {
      name: 'a',
      async *samples(from) {
        for await (const sample of shard('a', 1000).samples(from)) {
          read++
          yield sample
        }
      },
    }
    const stream = await open([counting], { bufferSamples: 10, samplesAhead: 3 })
    await take(stream, 5)
    expect(read).toBeLessThanOrEqual(5 + 10 + 3)
    expect(stream.state.buffer).toHaveLength(9)
    const small = await open([counting], { bufferSamples: 1000, bufferBytes: 35 })
    await take(small, 1)
    expect(small.state.buffer).toHaveLength(3)
    await stream.close()
    await small.close()
  })

  it('counts a shard that breaks off and goes on with the next', async () => {
    const told: string[] = []
    const losses = new Losses({ onLoss: (name, error) => told.push(`${name}: ${error.message}`) })
    const shards = [shard('a', 3), shard('b', 9, 2), shard('c', 3)]
    const stream = await ShardStream.open(shards, losses, { seed: 1, bufferSamples: 2 })
    expect((await take(stream, 8)).sort()).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'c0', 'c1', 'c2'])
    expect(told).toEqual(['b: b is truncated'])
    await take(stream, 8)
    expect(losses.counts).toMatchObject({ shards: 6, brokenShards: 2 })
  })

  it('stops where too many shards are broken, or none holds a sample', async () => {
    const broken = Array.from({ length: 8 }, (_, i) => shard(`x${i}-`, 5, 1))
    const losses = new Losses({ maxBrokenShare: 0.5, judgeAfterShards: 4 })
    const stream = await ShardStream.open([...broken, shard('a', 9)], losses, { seed: 1, bufferSamples: 1 })
    await expect(take(stream, 100)).rejects.toThrow(/of \d shards cannot be read, more than 50 %; .* is truncated/)
    await expect(take(await open(shardsOf([0, 0])), 1)).rejects.toThrow(/2 shard\(s\) of this rank hold no sample/)
  })

  it('does not go on with other data, another seed or other ranks', async () => {
    const stream = await open(shardsOf([5, 5]))
    await take(stream, 2)
    const resume = (shards: Shard<string>[], options = {}) =>
      ShardStream.open(shards, new Losses(), { seed: 1, ...options }, stream.state)
    await expect(resume(shardsOf([5, 5]), { seed: 2 })).rejects.toThrow(/with seed = 1, now it is 2/)
    await expect(resume(shardsOf([5, 5]), { size: 2 })).rejects.toThrow(/with size = 1, now it is 2/)
    await expect(resume(shardsOf([5]))).rejects.toThrow(/with shards = 2, now it is 1/)
    await expect(resume([shard('y', 5), shard('z', 5)])).rejects.toThrow(/no longer holds .*; it was changed/)
    await expect(resume([shard('y', 0), shard('z', 0)])).rejects.toThrow(CheckpointError)
  })
})
