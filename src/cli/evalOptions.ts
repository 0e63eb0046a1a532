import { type Command, Option } from 'commander'
import { ConfigError } from '../errors.js'
import { PICTURE_BENCHMARKS } from '../eval/benchmarks/benchmarks.js'
import type { BootstrapOptions, Interval } from '../eval/bootstrap.js'
import { type EvaluationSet, openBenchmarkSet, openEvaluationSet } from '../eval/evaluationSet.js'
import type { Io } from './io.js'
import { addModelOptions, type ModelFlags } from './model.js'
import { addJsonOption, type JsonOption, positiveInteger, wholeNumber } from './options.js'
import type { ProgressLine } from './progress.js'

export type SetFlags = ModelFlags &
  JsonOption & {
    readonly data?: string
    readonly benchmark?: string
    readonly annotations?: string
    readonly images?: string
    readonly split?: string
    readonly limit?: number
  }

/** The pictures that a model is scored on. */
export const addSetOptions = (command: Command): Command =>
  addJsonOption(addModelOptions(command))
    .option('--data <set>', 'emoji:SPLIT, scenes:SPLIT, or a folder with captions.json and images/')
    .addOption(
      new Option('--benchmark <name>', 'a benchmark in its own files, instead of --data').choices(PICTURE_BENCHMARKS),
    )
    .option('--annotations <file>', "the benchmark's file of captions")
    .option('--images <folder>', "the benchmark's pictures")
    .option('--split <name>', "the benchmark's split (default: test)")
    .option('--limit <n>', 'use only so many pictures, spread evenly over the set', positiveInteger)

export const limitOf = ({ limit }: SetFlags) => (limit === undefined ? {} : { limit })

/** @throws ConfigError unless there is either --data or --benchmark with its files. */
export async function openSet(io: Io, flags: SetFlags, progress: ProgressLine): Promise<EvaluationSet> {
  const { data, benchmark, annotations, images, split } = flags
  if (benchmark !== undefined) {
    if (data !== undefined) throw new ConfigError('--data and --benchmark exclude each other; give one of them')
    if (images === undefined)
      throw new ConfigError(`--benchmark ${benchmark} needs --images, the folder of its pictures`)
    return await openBenchmarkSet(benchmark, {
      images,
      ...(annotations === undefined ? {} : { annotations }),
      ...(split === undefined ? {} : { split }),
    })
  }
  if (data === undefined) throw new ConfigError("option '--data <set>' not specified; give it, or --benchmark")
  const set = await openEvaluationSet(data, {
    signal: io.signal,
    onProgress: ({ vendor, done, total }) => progress.report(`rendering ${vendor.id}`, done, total),
  })
  progress.clear()
  return set
}

export interface IntervalFlags {
  readonly samples: number
  readonly seed: number
}

/** How the 95 % intervals are drawn. */
export const addIntervalOptions = (command: Command): Command =>
  command
    .addOption(new Option('--samples <n>', 'resamples of the 95 % intervals').argParser(positiveInteger).default(1000))
    .addOption(new Option('--seed <n>', 'seed of the resamples').argParser(wholeNumber).default(0))

export const bootstrapOf = ({ samples, seed }: IntervalFlags): BootstrapOptions => ({ samples, seed })

export const percent = (part: number): string => `${(100 * part).toFixed(1)} %`

/** A score times 100, and its interval: the form of papers. */
export function scoreLine(name: string, value: number, interval: Interval | undefined): string {
  const range = interval ? `  ${(100 * interval.low).toFixed(1)} to ${(100 * interval.high).toFixed(1)}` : ''
  return `${name.padEnd(14)}${(100 * value).toFixed(1).padStart(6)}${range}`
}
