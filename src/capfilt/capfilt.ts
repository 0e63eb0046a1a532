import { createHash } from 'node:crypto'
import type { LossLimits } from '../data/loader/losses.js'
import type { ExecutionOptions } from '../tasks/batchedFunction.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { type BootstrapOptions, bootstrapCaptions } from './bootstrapCaptions.js'
import type { DataSource } from '../data/dataItem.js'
import { openInput } from '../data/openInput.js'
import { openModels } from './openModels.js'
import type { CapfiltProgress } from './progress.js'
import { writeCapfiltReport } from './report.js'
import type { CapfiltSummary } from './statistics.js'

export interface CapfiltOptions extends ExecutionOptions, LossLimits {
  /** Model directories or ids of the hub; the ranker compares pictures and texts. They may be the same. */
  readonly captioner: string
  readonly ranker: string
  /** What is captioned anew, see parseDataSpec. */
  readonly data: string
  /** Directory of the shards, their statistics and report.html. */
  readonly out: string
  /** Go on after the last finished shard in `out`, or begin where there is none (default false). */
  readonly resume?: boolean
  /** Captions drawn of each picture (default 10, paper 3.4). */
  readonly candidates?: number
  /** Captions kept of each picture (default 2, paper 3.4). */
  readonly keep?: number
  /** Nucleus sampling's probability (default 0.9, BLIP's code). */
  readonly topP?: number
  /** Lengths of the drawn captions in tokens, and the text in front of them (default: the captioner's own). */
  readonly minNewTokens?: number
  readonly maxNewTokens?: number
  readonly prompt?: string
  /** Pictures that go through the models together (default 16). */
  readonly batch?: number
  /** Samples that make up a shard (default 1000): what a run that is killed has to do again, at most. */
  readonly shardSize?: number
  readonly seed?: number
  /** Where renders of the embedded drawings are kept. */
  readonly cacheDir?: string
  readonly onProgress?: (progress: CapfiltProgress) => void
  /** Called before the pictures begin, with what is being done. */
  readonly onStatus?: (status: string) => void
  /** Ends it with an AbortError; the finished shards stay. */
  readonly signal?: AbortSignal
}

export interface CapfiltResult extends CapfiltSummary {
  /** The page with examples and histograms. */
  readonly report: string
}

/**
 * Makes better captions for a data set (paper 3.4): opens data and models, writes shards (see bootstrapCaptions) and a
 * report beside them.
 */
export async function capfilt(options: CapfiltOptions): Promise<CapfiltResult> {
  const { captioner, ranker, data, onStatus, cacheDir, signal, threads, device } = options
  const execution = {
    ...(signal === undefined ? {} : { signal }),
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
  }
  onStatus?.('opening the data ...')
  const sources = await openInput(data, { ...options, ...(cacheDir === undefined ? {} : { cacheDir }) })
  onStatus?.('opening the models ...')
  const pull = signal === undefined ? {} : { signal }
  const directories = {
    captioner: await resolveModel(captioner, pull),
    ranker: await resolveModel(ranker, pull),
  }
  await using models = await openModels(directories, execution)
  const settings = bootstrapOptions(options)
  const inputs = { data: hashNames(sources), ...models.identities }
  const summary = await bootstrapCaptions(models, sources, { ...settings, inputs })
  const report = await writeCapfiltReport(options.out, summary, settings.keep)
  return { ...summary, report }
}

function bootstrapOptions(options: CapfiltOptions): Omit<BootstrapOptions, 'inputs'> {
  const { captioner, ranker, data, cacheDir, onStatus, device, threads, candidates = 10, ...own } = options
  return { resume: false, keep: 2, topP: 0.9, batch: 16, shardSize: 1000, seed: 0, ...own, count: candidates }
}

/** Of the names of all shards, in their order: places in another input would mean other pictures. */
function hashNames(sources: readonly DataSource[]): string {
  const names = sources.map(({ name, shards }) => [name, ...shards.map(({ shard }) => shard.name)])
  return createHash('sha256').update(JSON.stringify(names)).digest('hex')
}
