import type { FileHandle } from 'node:fs/promises'
import { readAhead } from '../data/loader/readAhead.js'
import { Losses, type LossLimits } from '../data/loader/losses.js'
import { TAR_END } from '../data/webdataset/tarWriter.js'
import { ConfigError, DataError } from '../errors.js'
import { openRunConfig } from '../train/runConfig.js'
import { replaceFile } from '../weights/replaceFile.js'
import { captionBatch, type CaptionSettings } from './captionBatch.js'
import type { Captioner } from './captioner.js'
import type { DataSource } from '../data/dataItem.js'
import { type PictureBatch, pictureBatches } from './pictureBatches.js'
import { type CapfiltProgress, ProgressMeter } from './progress.js'
import type { Ranker } from './ranker.js'
import { readInput } from '../data/readInput.js'
import { shardSample } from './shardSample.js'
import { tarPath, writeStats } from '../data/webdataset/shardFolder.js'
import { holdsShards, readFinishedShards, type ShardStats } from './shardStats.js'
import { type CapfiltSummary, ShardCounts, summarize } from './statistics.js'

export interface BootstrapOptions extends CaptionSettings, LossLimits {
  /** Directory of the shards. */
  readonly out: string
  /** Go on after the last finished shard in `out`, or begin where there is none. */
  readonly resume: boolean
  /** Captions kept of each picture. */
  readonly keep: number
  /** Pictures that go through the models together. */
  readonly batch: number
  /** Samples of the input that make up a shard. A run that ends early loses the shard that it was writing. */
  readonly shardSize: number
  /** What the result depends on beside the numbers above: data and models. It guards resuming. */
  readonly inputs: Readonly<Record<string, unknown>>
  readonly onProgress?: (progress: CapfiltProgress) => void
  readonly signal?: AbortSignal
}

/**
 * CapFilt as BLIP-2 uses it (paper 3.4): the captioner draws captions of each picture, the ranker compares them and those
 * of the data set with the picture, and the best are kept. They are written as WebDataset shards whose captions are
 * lists, best first; with every shard goes a file of statistics, which makes it finished. A run that was killed goes on
 * after the last finished shard and gives what the first run would have given: no picture is lost or comes twice.
 *
 * @throws ConfigError where `out` holds shards and `resume` is not set, or other settings made them; DataError where too
 * much of the input cannot be read; AbortError when `signal` fires.
 */
export async function bootstrapCaptions(
  models: { readonly captioner: Captioner; readonly ranker: Ranker },
  sources: readonly DataSource[],
  options: BootstrapOptions,
): Promise<CapfiltSummary> {
  const finished = await openOutput(options)
  const losses = new Losses(options, countsOf(finished))
  const counted = finished.reduce((sum, { count }) => sum + count, 0)
  const { signal, batch, shardSize } = options
  const items = readInput(sources, finished.at(-1)?.next ?? { source: 0, shard: 0, offset: 0 }, signal)
  const opened = pictureBatches(items, { batch, shardSize, firstIndex: counted, ...(signal ? { signal } : {}) })
  // The next batch is read and decoded while the models run.
  const batches = new Peekable(readAhead(opened, 1))
  const meter = new ProgressMeter(counted, options.onProgress)
  try {
    for (let next = await batches.peek(); next && next.samples > 0; next = await batches.peek()) {
      const counts = new ShardCounts()
      const { outputShard } = next
      await replaceFile(tarPath(options.out, outputShard), async (file) => {
        for (let own = await batches.takeFrom(outputShard); own; own = await batches.takeFrom(outputShard)) {
          await writeBatch(file, models, own, { options, losses, counts })
          meter.advance(own)
        }
        await file.writeFile(TAR_END)
      })
      const stats = counts.stats()
      await writeStats(options.out, outputShard, stats)
      finished.push(stats)
    }
    const rest = await batches.peek()
    if (rest) countLosses(rest, losses)
  } finally {
    await batches.close()
  }
  const summary = summarize(finished)
  if (summary.pictures === 0)
    throw new DataError(`none of the ${summary.samples} pictures could be read; see what was skipped`)
  return summary
}

async function openOutput(options: BootstrapOptions): Promise<ShardStats[]> {
  const { out, resume, keep, batch, shardSize, inputs, count, topP, seed, prompt, minNewTokens, maxNewTokens } = options
  for (const [name, value] of Object.entries({ count, keep, batch, shardSize }))
    if (!(Number.isInteger(value) && value >= 1)) throw new ConfigError(`${name} is ${value}; expected 1 or more`)
  if (!resume && (await holdsShards(out)))
    throw new ConfigError(`${out} holds shards already; go on with --resume, or give another --out`)
  const settings = { count, keep, topP, seed, batch, shardSize, prompt, minNewTokens, maxNewTokens, inputs }
  await openRunConfig(out, JSON.parse(JSON.stringify(settings)) as Record<string, unknown>)
  return readFinishedShards(out)
}

const countsOf = (finished: readonly ShardStats[]) => ({
  samples: finished.reduce((sum, { count }) => sum + count, 0),
  brokenSamples: finished.reduce((sum, { count, successes }) => sum + count - successes, 0),
  shards: 0,
  brokenShards: finished.reduce((sum, { broken_shards }) => sum + broken_shards, 0),
})

interface Writing {
  readonly options: BootstrapOptions
  readonly losses: Losses
  readonly counts: ShardCounts
}

async function writeBatch(
  file: FileHandle,
  models: Parameters<typeof captionBatch>[0],
  batch: PictureBatch,
  { options, losses, counts }: Writing,
): Promise<void> {
  options.signal?.throwIfAborted()
  const captioned = await captionBatch(models, batch, options)
  for (const { picture, ranked } of captioned) {
    if (ranked.length === 0) {
      const error = new DataError(`${picture.key} has no caption with a word in it, nor has the captioner`)
      losses.sampleBroken(`${picture.source}: ${picture.key}`, error)
      continue
    }
    losses.sampleRead()
    counts.add(ranked, options.keep)
    for (const member of await shardSample(picture, ranked, options.keep)) await file.writeFile(member)
  }
  countLosses(batch, losses)
  counts.pass(batch)
}

function countLosses({ broken }: PictureBatch, losses: Losses): void {
  for (const { kind, name, error } of broken)
    if (kind === 'shard') losses.shardBroken(name, error)
    else losses.sampleBroken(name, error)
}

/** Batches one at a time, with a look at the next one. */
class Peekable {
  readonly #batches: AsyncGenerator<PictureBatch>
  #next: PictureBatch | undefined

  constructor(batches: AsyncGenerator<PictureBatch>) {
    this.#batches = batches
  }

  async peek(): Promise<PictureBatch | undefined> {
    this.#next ??= (await this.#batches.next()).value as PictureBatch | undefined
    return this.#next
  }

  /** The next batch if it belongs to this shard of the output. */
  async takeFrom(outputShard: number): Promise<PictureBatch | undefined> {
    const batch = await this.peek()
    if (!batch || batch.outputShard !== outputShard || batch.samples === 0) return undefined
    this.#next = undefined
    return batch
  }

  async close(): Promise<void> {
    await this.#batches.return(undefined)
  }
}
