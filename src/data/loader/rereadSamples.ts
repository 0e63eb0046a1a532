import { z } from 'zod'
import { CheckpointError } from '../../errors.js'
import type { Shard } from './shard.js'
import type { StreamedSample } from './shardStream.js'

/** Where a sample is. The key tells whether the shard is still the same. */
export const samplePlaceSchema = z.object({ shard: z.int().min(0), offset: z.int().min(0), key: z.string() })
export type SamplePlace = z.infer<typeof samplePlaceSchema>

/**
 * Reads the samples at these places, in this order; each shard is read once.
 * @throws CheckpointError where a shard no longer holds a sample of that key there.
 */
export async function rereadSamples<Sample>(
  shards: readonly Shard<Sample>[],
  places: readonly SamplePlace[],
  signal?: AbortSignal,
): Promise<StreamedSample<Sample>[]> {
  const found = new Map<string, StreamedSample<Sample>>()
  for (const number of new Set(places.map(({ shard }) => shard))) {
    const shard = shards[number]
    if (!shard) throw new CheckpointError(`shard ${number} of the state is not there; there are ${shards.length}`)
    const left = new Map(places.filter((place) => place.shard === number).map((place) => [place.offset, place]))
    for await (const sample of shard.samples(Math.min(...left.keys()), signal)) {
      const place = left.get(sample.offset)
      if (!place) continue
      if (place.key !== sample.key) break
      found.set(nameOf(place), { ...sample, shard: number })
      left.delete(sample.offset)
      if (left.size === 0) break
    }
    const [missing] = left.values()
    if (missing)
      throw new CheckpointError(`${shard.name} no longer holds ${missing.key} at ${missing.offset}; it was changed`)
  }
  return places.map((place) => found.get(nameOf(place))!)
}

const nameOf = ({ shard, offset }: SamplePlace): string => `${shard}:${offset}`
