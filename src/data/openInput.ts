import { openByteSource } from './bytes/byteSource.js'
import { loadEmojiData } from './emoji/dataset.js'
import { parseDataSpec } from './loader/dataSpec.js'
import { emojiShard } from './loader/emojiShards.js'
import type { LossLimits } from './loader/losses.js'
import { openSource } from './loader/openSource.js'
import type { Shard } from './loader/shard.js'
import { DataError } from '../errors.js'
import type { DataShard, DataSource } from './dataItem.js'

export interface OpenInputOptions extends LossLimits {
  /** Where renders of the embedded drawings are kept. */
  readonly cacheDir?: string
  readonly signal?: AbortSignal
}

/**
 * Opens a data argument (see parseDataSpec) to be read once, source after source and shard after shard; the weights of
 * a mixture do not count.
 */
export async function openInput(spec: string, options: OpenInputOptions): Promise<DataSource[]> {
  const data = await parseDataSpec(spec)
  if (data.kind === 'emoji') {
    const { cacheDir, signal } = options
    const drawings = await loadEmojiData({
      ...(cacheDir === undefined ? {} : { cacheDir }),
      ...(signal === undefined ? {} : { signal }),
    })
    const split = drawings.split(data.split)
    const shard = emojiShard(spec, drawings, split)
    return [{ name: 'emoji', shards: [{ shard, extent: async () => split.length }] }]
  }
  const sources: DataSource[] = []
  for (const source of data.mixture.sources) {
    const shards = await openSource(source, options)
    const isTar = source.format === 'webdataset' || source.format === 'img2dataset'
    sources.push({ name: source.name, shards: shards.map(isTar ? tarInput : listInput) })
  }
  return sources
}

/**
 * Positions in a packed archive are those of what it holds, so its size is an estimate. One that cannot be told, for the
 * archive is missing or its server says nothing, is no error here: reading tells.
 */
const tarInput = (shard: DataShard['shard']): DataShard => ({
  shard,
  extent: () => openByteSource(shard.name).size().catch(unknownSize),
})

function unknownSize(error: unknown): number {
  if (error instanceof DataError) return Number.POSITIVE_INFINITY
  throw error
}

/** The entries of a list are in memory: the end is found by going there. */
const listInput = (shard: DataShard['shard']): DataShard => ({ shard, extent: () => lastPosition(shard) })

async function lastPosition(shard: Shard<unknown>): Promise<number> {
  let last = 0
  for await (const { next } of shard.samples(0)) last = next
  return last
}
