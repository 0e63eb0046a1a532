import { mkdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import { CheckpointError, ConfigError } from '../../errors.js'
import { hasShards, readShardFolder, SHARD_COUNTS, statsPath } from '../webdataset/shardFolder.js'

/** Written after a shard is finished. */
const statsSchema = z.object({
  ...SHARD_COUNTS,
  /** Which input it was, and how large the shards were to be. */
  input: z.string(),
  shard_size: z.int().min(0),
})
export type ShardStats = z.infer<typeof statsSchema>

/**
 * Makes the folder, or finds the shards that an earlier run finished in it.
 * @throws ConfigError where there are shards and `resume` is false; CheckpointError where they are of another input.
 */
export async function openOutput(
  folder: string,
  { resume, input, shard_size }: { readonly resume: boolean } & Pick<ShardStats, 'input' | 'shard_size'>,
): Promise<ShardStats[]> {
  await mkdir(folder, { recursive: true })
  const names = await readShardFolder(folder)
  const stats: ShardStats[] = []
  while (names.includes(basename(statsPath(folder, stats.length)))) stats.push(await readStats(folder, stats.length))
  if (!resume && hasShards(names))
    throw new ConfigError(`${folder} holds shards already; go on with --resume, or give another folder`)
  const other = stats.find((one) => one.input !== input || one.shard_size !== shard_size)
  if (other)
    throw new CheckpointError(
      `the shards in ${folder} were made of other data, or ${other.shard_size} to a shard; give that again, or another folder`,
    )
  return stats
}

async function readStats(folder: string, shard: number): Promise<ShardStats> {
  const path = statsPath(folder, shard)
  try {
    return statsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new CheckpointError(`${path} was not written by blip2 data convert; give another folder`, { cause })
  }
}
