import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../../weights/replaceFile.js'

const whole = z.int().min(0)

/**
 * What the statistics of a written shard count, whoever writes it, and where its input goes on. The counts have
 * img2dataset's names, so that the folder opens as its output does. A shard is finished when its statistics are there.
 */
export const SHARD_COUNTS = {
  /** Samples of the input, with those that could not be read. */
  count: whole,
  successes: whole,
  failed_to_download: whole,
  failed_to_resize: whole,
  /** Shards of the input that could not be read to their end, and those that could. */
  broken_shards: whole,
  /** Where the input goes on. */
  next: z.object({ source: whole, shard: whole, offset: whole }),
}

const shardName = (shard: number): string => String(shard).padStart(5, '0')
export const tarPath = (folder: string, shard: number): string => join(folder, `${shardName(shard)}.tar`)
export const statsPath = (folder: string, shard: number): string => join(folder, `${shardName(shard)}_stats.json`)

export const writeStats = (folder: string, shard: number, stats: object): Promise<void> =>
  replaceFile(statsPath(folder, shard), `${JSON.stringify(stats)}\n`)

/** Of the names in a folder: whether they are of shards, finished or not. */
export const hasShards = (names: readonly string[]): boolean =>
  names.some((name) => /^\d{5,}(\.tar|_stats\.json)$/.test(name))

/** The names in a folder of shards, after what a killed run left half written is removed. */
export async function readShardFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  for (const name of names.filter(isHalfWritten)) await rm(join(folder, name))
  return names.filter((name) => !isHalfWritten(name))
}

const isHalfWritten = (name: string): boolean => /^\d{5,}(\.tar|_stats\.json)\.\d+(-[0-9a-f]+)?\.tmp$/.test(name)
