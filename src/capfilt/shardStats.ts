import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.js'
import { replaceFile } from '../weights/replaceFile.js'
import { BINS } from './histogram.js'

const whole = z.int().min(0)
const histogram = z.array(whole).length(BINS)

/**
 * What a shard of the output counts. The counts that img2dataset writes too have its names, so that the output opens as
 * its does; a shard is finished when this file is there.
 */
const statsSchema = z.object({
  /** Samples of the input, with those that could not be read. */
  count: whole,
  successes: whole,
  failed_to_download: whole,
  failed_to_resize: whole,
  /** Shards of the input that could not be read to their end, and those that could. */
  broken_shards: whole,
  /** Where the input goes on. */
  next: z.object({ source: whole, shard: whole, offset: whole }),
  /** Captions kept, by where they are from. */
  kept: z.object({ web: whole, model: whole }),
  /** Pictures whose best caption is the captioner's. */
  best_by_model: whole,
  /** Cosines of the data set's captions, of the captioner's, and of those kept. */
  similarity: z.object({ web: histogram, model: histogram, kept: histogram }),
})
export type ShardStats = z.infer<typeof statsSchema>

const nameOf = (shard: number): string => String(shard).padStart(5, '0')
export const tarPath = (directory: string, shard: number): string => join(directory, `${nameOf(shard)}.tar`)
const statsPath = (directory: string, shard: number): string => join(directory, `${nameOf(shard)}_stats.json`)

export const writeStats = (directory: string, shard: number, stats: ShardStats): Promise<void> =>
  replaceFile(statsPath(directory, shard), `${JSON.stringify(stats)}\n`)

/**
 * The finished shards of an output directory, which are the first ones: a shard is written, then its statistics, then
 * the next one. Files that a killed run left half written are removed.
 *
 * @throws CheckpointError where one of them is missing or broken.
 */
export async function readFinishedShards(directory: string): Promise<ShardStats[]> {
  const names = await readdir(directory)
  for (const name of names.filter((name) => /^\d{5,}(\.tar|_stats\.json)\.\d+\.tmp$/.test(name)))
    await rm(join(directory, name))
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
  return names.some((name) => /^\d{5,}(\.tar|_stats\.json)$/.test(name))
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
