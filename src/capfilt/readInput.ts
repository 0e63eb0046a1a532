import { DataError } from '../errors.js'
import type { InputItem, InputPlace, InputSource } from './input.js'

/** The samples of all sources in their order, from a place on. What cannot be read is an item too, with its error. */
export async function* readInput(
  sources: readonly InputSource[],
  from: InputPlace,
  signal?: AbortSignal,
): AsyncGenerator<InputItem> {
  const total = sources.reduce((sum, { shards }) => sum + shards.length, 0)
  let before = 0
  for (const [source, { name, shards }] of sources.entries()) {
    for (const [shard, input] of shards.entries()) {
      const ordinal = before + shard
      if (source < from.source || (source === from.source && shard < from.shard)) continue
      const offset = source === from.source && shard === from.shard ? from.offset : 0
      const end = { source: name, next: { source, shard: shard + 1, offset: 0 }, fraction: (ordinal + 1) / total }
      try {
        const extent = await input.extent()
        for await (const { key, next, sample } of input.shard.samples(offset, signal))
          yield {
            source: name,
            key,
            open: sample,
            next: { source, shard, offset: next },
            fraction: (ordinal + Math.min(next / extent, 1)) / total,
          }
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        yield { ...end, key: input.shard.name, error }
      }
    }
    before += shards.length
  }
}
