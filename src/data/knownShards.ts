import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { replaceFile } from '../weights/replaceFile.js'
import { isAddress } from './bytes/byteSource.js'
import type { ExaminedItem } from './examinedShard.js'

const recordSchema = z.union([
  z.strictObject({
    key: z.string(),
    captions: z.array(z.string()),
    start: z.int(),
    end: z.int(),
    digest: z.string().length(64),
  }),
  z.strictObject({ key: z.string(), error: z.string() }),
])
type ShardRecord = z.infer<typeof recordSchema>

/**
 * What was found in tar shards, in files of the cache folder: the next start of a training does not read them again. A
 * shard is the same as long as its path, size and time of change are.
 */
export class KnownShards {
  readonly #folder: string

  constructor(cacheDir: string) {
    this.#folder = join(cacheDir, 'examined-shards')
  }

  /**
   * The items of a shard: those of an earlier time, or those of `examine`, which are kept for the next. Only plain
   * archives on this machine that can be read to their end are kept.
   * @param reading How the shard is read, where that changes what is found.
   */
  async *items(
    shard: string,
    reading: unknown,
    examine: () => AsyncIterable<ExaminedItem>,
  ): AsyncGenerator<ExaminedItem> {
    const path = await this.#pathOf(shard, reading)
    if (path === undefined) return yield* examine()
    const known = await readRecords(path)
    if (known) return yield* known.map((record) => itemOf(record, shard))
    const records: (ShardRecord | undefined)[] = []
    for await (const item of examine()) {
      records.push(recordOf(item))
      yield item
    }
    if (records.includes(undefined)) return
    await mkdir(this.#folder, { recursive: true })
    await replaceFile(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  }

  async #pathOf(shard: string, reading: unknown): Promise<string | undefined> {
    if (isAddress(shard)) return undefined
    const file = await stat(shard).catch((error: NodeJS.ErrnoException) => {
      // A list of pictures is no file; one that is missing is told of by whoever reads it.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
      throw error
    })
    if (!file?.isFile()) return undefined
    const identity = JSON.stringify([shard, file.size, file.mtimeMs, reading ?? null])
    return join(this.#folder, `${createHash('sha256').update(identity).digest('hex')}.jsonl`)
  }
}

/** Undefined where there are none, or none that this version reads: the shard is examined then. */
async function readRecords(path: string): Promise<ShardRecord[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new DataError(`cannot read ${path}: ${error.code}`, { cause: error })
  })
  try {
    return text?.split('\n').flatMap((line) => (line === '' ? [] : [recordSchema.parse(JSON.parse(line))]))
  } catch {
    return undefined
  }
}

/** Undefined for what cannot be read again where it lies, and for a shard that breaks off. */
function recordOf(item: ExaminedItem): ShardRecord | undefined {
  if (item.error) return item.key === undefined ? undefined : { key: item.key, error: item.error.message }
  const { key, captions, place, digest } = item
  if (typeof place === 'string' || place instanceof Uint8Array) return undefined
  return { key, captions: [...captions], start: place.start, end: place.end, digest: digest.toString('hex') }
}

function itemOf(record: ShardRecord, location: string): ExaminedItem {
  if ('error' in record) return { key: record.key, error: new DataError(record.error) }
  const { key, captions, start, end, digest } = record
  return { key, captions, place: { location, start, end }, digest: Buffer.from(digest, 'hex') }
}
