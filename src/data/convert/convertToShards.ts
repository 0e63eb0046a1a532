import type { FileHandle } from 'node:fs/promises'
import { replaceFile } from '../../weights/replaceFile.js'
import type { DataItem, DataPlace } from '../dataItem.js'
import { type LossCounts, Losses, type LossLimits } from '../loader/losses.js'
import { TAR_END, tarMember } from '../webdataset/tarWriter.js'
import { type OpenItem, openItems } from './openItems.js'
import { tarPath, writeStats } from '../webdataset/shardFolder.js'
import { openOutput, type ShardStats } from './shardStats.js'

export interface ConvertOptions extends LossLimits {
  /** Names the input: an output is never continued from another one. */
  readonly input: string
  /** Samples of the input that make up a shard, whether they can be read or not. Default 10,000, as img2dataset. */
  readonly shardSize?: number
  /** Go on after the last finished shard. Default false. */
  readonly resume?: boolean
  readonly onProgress?: (pictures: number, fraction: number) => void
  readonly signal?: AbortSignal
}

export interface ConvertResult {
  readonly shards: number
  readonly pictures: number
  /** Of all shards, those of earlier runs too. */
  readonly losses: LossCounts
}

/** Reads a data set from a place on. */
export type ReadFrom = (place: DataPlace) => AsyncIterable<DataItem>

/**
 * Writes a data set as tar shards that WebDataset and img2dataset's readers open: `KEY.jpg` (the file as it was),
 * `KEY.json` with the captions and where the picture is from, and `KEY.txt` where there is one caption. A shard appears
 * when it is whole, its statistics after it; a run that is killed loses the shard that it was writing.
 *
 * @throws DataError where more is broken than the limits allow; ConfigError or CheckpointError for an output folder that
 * holds other shards.
 */
export async function convertToShards(read: ReadFrom, folder: string, options: ConvertOptions): Promise<ConvertResult> {
  const { input, shardSize = 10_000, resume = false, onProgress, signal } = options
  const finished = await openOutput(folder, { resume, input, shard_size: shardSize })
  const losses = new Losses(options, countsOf(finished))
  const first = finished.at(-1)?.next ?? { source: 0, shard: 0, offset: 0 }
  const items = openItems(read(first), losses, signal)
  let index = finished.reduce((sum, { count }) => sum + count, 0)
  let pictures = finished.reduce((sum, { successes }) => sum + successes, 0)
  let shard = finished.length
  let item = await items.next()
  while (!item.done) {
    const counts = { count: 0, successes: 0, broken_shards: 0 }
    let next = first
    await replaceFile(tarPath(folder, shard), async (file) => {
      while (!item.done && counts.count < shardSize) {
        const one = item.value
        if (one.kind === 'shard') counts.broken_shards++
        else {
          if (one.picture) counts.successes++
          await writeSample(file, index++, one)
          counts.count++
        }
        next = one.next
        onProgress?.(pictures + counts.successes, one.fraction)
        item = await items.next()
      }
      await file.writeFile(TAR_END)
    })
    const failed_to_download = counts.count - counts.successes
    const stats: ShardStats = {
      ...counts,
      failed_to_download,
      failed_to_resize: 0,
      input,
      shard_size: shardSize,
      next,
    }
    await writeStats(folder, shard, stats)
    pictures += counts.successes
    shard++
  }
  return { shards: shard, pictures, losses: losses.counts }
}

async function writeSample(file: FileHandle, index: number, { source, key, picture }: OpenItem): Promise<void> {
  if (!picture) return
  const name = String(index).padStart(9, '0')
  const { bytes, suffix, captions } = picture
  const [caption, ...others] = captions
  await file.writeFile(tarMember(`${name}.${suffix}`, bytes))
  const metadata = { caption: others.length === 0 ? caption : captions, source, source_key: key }
  await file.writeFile(tarMember(`${name}.json`, Buffer.from(JSON.stringify(metadata))))
  // Readers take the text first, and there would be no place for the others.
  if (others.length === 0) await file.writeFile(tarMember(`${name}.txt`, Buffer.from(caption)))
}

function countsOf(finished: readonly ShardStats[]): LossCounts {
  const sum = (of: (stats: ShardStats) => number) => finished.reduce((total, stats) => total + of(stats), 0)
  return {
    samples: sum(({ count }) => count),
    brokenSamples: sum(({ failed_to_download }) => failed_to_download),
    shards: sum(({ broken_shards }) => broken_shards),
    brokenShards: sum(({ broken_shards }) => broken_shards),
  }
}
