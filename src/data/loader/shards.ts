import type { CaptionRecord } from '../readers/captionRecord.js'
import { type CaptionPlace, captionedSample, type EncodedPicture } from '../webdataset/captionedSample.js'
import { readShardSamples } from '../webdataset/samples.js'
import type { Shard } from './shard.js'

/** A sample that is read but not looked into: calling it may show that it is broken (DataError). */
export type UnopenedPicture = () => EncodedPicture

/** A WebDataset shard, a local path or an http(s) address. Positions are bytes of the uncompressed archive. */
export const tarShard = (location: string, captions?: CaptionPlace): Shard<UnopenedPicture> => ({
  name: location,
  async *samples(from, signal) {
    for await (const sample of readShardSamples(location, from, signal)) {
      const { key, offset, next } = sample
      yield { key, offset, next, bytes: next - offset, sample: () => captionedSample(sample, captions) }
    }
  },
})

/** A list's records are shuffled like shards in pieces of this many. */
const RECORDS_A_SHARD = 1000
/** About what the strings of a record take. */
const RECORD_BYTES = 256

/** Records of an annotation file in memory, as shards. Positions are places in the list. */
export function recordShards(name: string, records: readonly CaptionRecord[]): Shard<UnopenedPicture>[] {
  return Array.from({ length: Math.ceil(records.length / RECORDS_A_SHARD) }, (_, shard) => {
    const first = shard * RECORDS_A_SHARD
    const own = records.slice(first, first + RECORDS_A_SHARD)
    return {
      name: `${name}, entries from ${first}`,
      async *samples(from) {
        for (const [i, record] of own.slice(from).entries())
          yield { key: record.key, offset: from + i, next: from + i + 1, bytes: RECORD_BYTES, sample: () => record }
      },
    }
  })
}
