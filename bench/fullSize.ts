import { execFile } from 'node:child_process'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { parameterCounts, totalOf, weightBytes } from '../src/estimate/weightSizes.js'
import type { Architecture } from '../src/models/architectureSpecs.js'
import { MODEL_DTYPES, type ModelDtypeName } from '../src/quantize/weightBits.js'
import { SYNTH_PRESETS, type SynthPreset } from '../src/synth/presets.js'
import { synthesize } from '../src/synth/synthesize.js'
import { defaultCacheDirectory } from '../src/weights/cacheDirectory.js'
import { measureCopyBandwidth } from './adamw.js'
import type { MeasuredRun } from './fullSizeRun.js'
import { decodeBytes, visionOperations } from './fullSizeWork.js'
import { gemmCeiling } from './gemm.js'
import type { Benchmark, Figures } from './main.js'

export const takesArguments = true

const RUN = fileURLToPath(new URL('./fullSizeRun.js', import.meta.url))

/**
 * A model of released size with random weights, as `blip2 synth` writes it, in float32, q8 and q4 (vision encoder q8).
 * Each runs in a process of its own, whose memory is measured. The first time half-precision weights are converted into
 * the cache. For blip2-opt-2.7b that takes 30 GB of disk, and float32 17 GB of memory.
 */
export const bench: Benchmark = async (note, args) => {
  const { preset, dtypes, folder } = optionsOf(args)
  const architecture: Architecture = SYNTH_PRESETS[preset]
  const directory = join(folder, preset)
  await mkdir(folder, { recursive: true })
  if (!(await isDirectory(directory))) {
    note(`writing ${directory}`)
    await synthesize(preset, directory)
  }
  const figures: Record<string, number | Figures> = {}
  for (const dtype of dtypes) {
    note(`${dtype}: converting where that was not done yet`)
    await run(directory, folder, dtype, 'convert')
    // Beside each run, for a machine may be busy with other things.
    const { gflops } = await gemmCeiling(1)
    const bandwidth = await measureCopyBandwidth()
    const measured = await run(directory, folder, dtype, 'measure')
    figures[dtype] = figuresOf(architecture, dtype, measured, gflops, bandwidth)
    note(`${dtype}: ${JSON.stringify(figures[dtype])}`)
  }
  return { parameters: totalOf(parameterCounts(architecture)), ...figures }
}

function optionsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { preset: { type: 'string' }, dtypes: { type: 'string' }, folder: { type: 'string' } },
  })
  const { preset = 'blip2-opt-2.7b', folder = join(defaultCacheDirectory(), 'full-size') } = values
  if (!Object.hasOwn(SYNTH_PRESETS, preset))
    throw new Error(`--preset is one of ${Object.keys(SYNTH_PRESETS).join(', ')}, not '${preset}'`)
  const dtypes = values.dtypes?.split(',') ?? Object.keys(MODEL_DTYPES)
  const wrong = dtypes.find((dtype) => !Object.hasOwn(MODEL_DTYPES, dtype))
  if (wrong !== undefined) throw new Error(`--dtypes takes ${Object.keys(MODEL_DTYPES).join(',')}, not '${wrong}'`)
  return { preset: preset as SynthPreset, dtypes: dtypes as ModelDtypeName[], folder }
}

async function run(directory: string, cache: string, dtype: ModelDtypeName, what: 'convert' | 'measure') {
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, directory, cache, dtype, what])
  return JSON.parse(stdout) as MeasuredRun
}

function figuresOf(
  architecture: Architecture,
  dtype: ModelDtypeName,
  measured: MeasuredRun,
  ceilingGflops: number,
  bandwidth: number,
): Figures {
  const { loadSeconds, peakBytes, encodeSeconds, prefillSeconds, tokenSeconds } = measured
  const visionGflops = visionOperations(architecture) / encodeSeconds / 1e9
  const weights = totalOf(weightBytes(architecture, MODEL_DTYPES[dtype]))
  return {
    loadSeconds,
    peakMemoryGB: peakBytes / 1e9,
    peakOverWeights: peakBytes / weights,
    visionMs: 1000 * encodeSeconds,
    visionGflops,
    ceilingGflops,
    visionRatio: visionGflops / ceilingGflops,
    prefillMs: 1000 * prefillSeconds,
    decodeTokensPerSecond: 1 / tokenSeconds,
    memoryBandwidthGB: bandwidth / 1e9,
    decodeBandwidthRatio: decodeBytes(architecture, MODEL_DTYPES[dtype]) / tokenSeconds / bandwidth,
  }
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
