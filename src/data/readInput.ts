import { shardItems } from './loader/shardItems.js'
import type { DataItem, DataPlace, DataSource } from './dataItem.js'

/** The samples of all sources in their order, from a place on. What cannot be read is an item too, with its error. */
export async function* readInput(
  sources: readonly DataSource[],
  from: DataPlace,
  signal?: AbortSignal,
): AsyncGenerator<DataItem> {
  const total = sources.reduce((sum, { shards }) => sum + shards.length, 0)
  let ordinal = -1
  for (const [source, { name, shards }] of sources.entries())
    for (const [shard, { shard: own, extent }] of shards.entries()) {
      ordinal++
      const isFirst = source === from.source && shard === from.shard
      if (source < from.source || (source === from.source && shard < from.shard)) continue
      const end = await extent()
      for await (const { sample, error } of shardItems(own, isFirst ? from.offset : 0, signal)) {
        const next = error ? { source, shard: shard + 1, offset: 0 } : { source, shard, offset: sample.next }
        const read = error ? 1 : Math.min(sample.next / end, 1)
        const place = { source: name, next, fraction: (ordinal + read) / total }
        yield error ? { ...place, key: own.name, error } : { ...place, key: sample.key, open: sample.sample }
      }
    }
}
