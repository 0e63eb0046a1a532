import { createHash } from 'node:crypto'
import { openInput } from '../data/openInput.js'
import { readInput } from '../data/readInput.js'
import type { DataItem, DataPlace, DataSource } from '../data/dataItem.js'
import type { LossLimits } from '../data/loader/losses.js'
import type { Io } from './io.js'

/** A data argument of the command line, opened to be read once through. */
export interface DataInput {
  readonly read: (from?: DataPlace, most?: number) => AsyncGenerator<DataItem>
  /** Of the names of all its shards. */
  readonly hash: string
}

export async function openDataInput(
  io: Io,
  spec: string,
  { cache, ...limits }: { readonly cache: string | undefined } & LossLimits,
): Promise<DataInput> {
  const sources = await openInput(spec, {
    ...limits,
    signal: io.signal,
    ...(cache === undefined ? {} : { cacheDir: cache }),
  })
  const read = (from: DataPlace = { source: 0, shard: 0, offset: 0 }, most = Number.POSITIVE_INFINITY) =>
    firstOf(readInput(sources, from, io.signal), most)
  return { read, hash: hashNames(sources) }
}

async function* firstOf(items: AsyncIterable<DataItem>, most: number): AsyncGenerator<DataItem> {
  let taken = 0
  for await (const item of items) {
    yield item
    if (++taken >= most) return
  }
}

function hashNames(sources: readonly DataSource[]): string {
  const names = sources.map(({ name, shards }) => [name, ...shards.map(({ shard }) => shard.name)])
  return createHash('sha256').update(JSON.stringify(names)).digest('hex')
}
