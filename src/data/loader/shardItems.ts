import { DataError } from '../../errors.js'
import type { PlacedSample, Shard } from './shard.js'

/** A sample, or why the rest of the shard cannot be read, which comes last. */
export type ShardItem<Sample> =
  | { readonly sample: PlacedSample<Sample>; readonly error?: never }
  | { readonly sample?: never; readonly error: DataError }

/** Reads a shard to where it breaks off, if it does. */
export async function* shardItems<Sample>(
  shard: Shard<Sample>,
  from: number,
  signal?: AbortSignal,
): AsyncGenerator<ShardItem<Sample>> {
  const samples = shard.samples(from, signal)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await samples.next().catch((error: unknown) => {
        if (error instanceof DataError) return error
        throw error
      })
      if (step instanceof DataError) return yield { error: step }
      if (step.done) return
      yield { sample: step.value }
    }
  } finally {
    await samples.return?.()
  }
}
