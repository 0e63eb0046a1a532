import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError, ConfigError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'

const whole = z.int().min(0)

/**
 * Written after a shard is finished. The first fields have img2dataset's names, so that the folder opens as its output
 * does; the others say where to go on.
 */
const statsSchema = z.object({
  /** Samples of the input, with those that could not be read. */
  count: whole,
  successes: whole,
  failed_to_download: whole,
  failed_to_resize: whole,
  broken_shards: whole,
  /** Which input it was, and how large the shards were to be. */
  input: z.string(),
  shard_size: whole,
  next: z.object({ source: whole, shard: whole, offset: whole }),
})
export type ShardStats = z.infer<typeof statsSchema>

const nameOf = (shard: number): string => String(shard).padStart(5, '0')
export const tarPath = (folder: string, shard: number): string => join(folder, `${nameOf(shard)}.tar`)

export const writeStats = (folder: string, shard: number, stats: ShardStats): Promise<void> =>
  replaceFile(join(folder, `${nameOf(shard)}_stats.json`), `${JSON.stringify(stats)}\n`)

/**
 * Makes the folder, or finds the shards that an earlier run finished in it.
 * @throws ConfigError where there are shards and `resume` is false; CheckpointError where they are of another input.
 */
export async function openOutput(
  folder: string,
  { resume, input, shard_size }: { readonly resume: boolean } & Pick<ShardStats, 'input' | 'shard_size'>,
): Promise<ShardStats[]> {
  await mkdir(folder, { recursive: true })
  const names = await readdir(folder)
  for (const name of names.filter((one) => /^\d{5,}(\.tar|_stats\.json)\.\d+\.tmp$/.test(one)))
    await rm(join(folder, name))
  const stats: ShardStats[] = []
  while (names.includes(`${nameOf(stats.length)}_stats.json`)) stats.push(await readStats(folder, stats.length))
  if (!resume && names.some((name) => /^\d{5,}(\.tar|_stats\.json)$/.test(name)))
    throw new ConfigError(`${folder} holds shards already; go on with --resume, or give another folder`)
  const other = stats.find((one) => one.input !== input || one.shard_size !== shard_size)
  if (other)
    throw new CheckpointError(
      `the shards in ${folder} were made of other data, or ${other.shard_size} to a shard; give that again, or another folder`,
    )
  return stats
}

async function readStats(folder: string, shard: number): Promise<ShardStats> {
  const path = join(folder, `${nameOf(shard)}_stats.json`)
  try {
    return statsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new CheckpointError(`${path} was not written by blip2 data convert; give another folder`, { cause })
  }
}
