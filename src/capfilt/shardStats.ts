import { readdir, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { hasShards, readShardFolder, SHARD_COUNTS, statsPath } from '../data/webdataset/shardFolder.js'
import { CheckpointError } from '../errors.js'
import { BINS } from './histogram.js'

const whole = z.int().min(0)
const histogram = z.array(whole).length(BINS)

/** What a shard of the output counts. */
const statsSchema = z.object({
  ...SHARD_COUNTS,
  /** Captions kept, by where they are from. */
  kept: z.object({ web: whole, model: whole }),
  /** Pictures whose best caption is the captioner's. */
  best_by_model: whole,
  /** Cosines of the data set's captions, of the captioner's, and of those kept. */
  similarity: z.object({ web: histogram, model: histogram, kept: histogram }),
})
export type ShardStats = z.infer<typeof statsSchema>

/**
 * The finished shards of an output directory, which are the first ones: a shard is written, then its statistics, then
 * the next one. Files that a killed run left half written are removed.
 *
 * @throws CheckpointError where one of them is missing or broken.
 */
export async function readFinishedShards(directory: string): Promise<ShardStats[]> {
  const names = await readShardFolder(directory)
  const finished = names.filter((name) => /^\d{5,}_stats\.json$/.test(name)).length
  const stats: ShardStats[] = []
  for (let shard = 0; shard < finished; shard++) stats.push(await readStats(directory, shard))
  return stats
}

/** Whether a directory holds shards, finished or not. */
export async function holdsShards(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return hasShards(names)
}

async function readStats(directory: string, shard: number): Promise<ShardStats> {
  const path = statsPath(directory, shard)
  try {
    return statsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new CheckpointError(
      `${path} is missing or broken; delete it with all later shards (.tar and _stats.json), and go on with --resume`,
      { cause },
    )
  }
}
