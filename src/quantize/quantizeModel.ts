import { stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, WeightsError } from '../errors.js'
import type { FrozenModels } from '../frozen/authorsCheckpoint.js'
import { openModelDirectory } from '../frozen/openModelDirectory.js'
import type { ImageSource } from '../image/decode.js'
import { requireDrawn } from '../models/imageEncoder.js'
import { partSpecs } from '../train/partSpecs.js'
import { defaultCacheDirectory } from '../weights/cacheDirectory.js'
import {
  MODEL_PARTS,
  type ModelDirectory,
  type ModelPart,
  partPath,
  readModelDirectory,
  TOKENIZER_FILES,
} from '../weights/modelDirectory.js'
import { writeNewDirectory } from '../weights/newDirectory.js'
import { storedBytes } from '../weights/quantize/format.js'
import { type QuantizedWeightReport, type WeightToQuantize, writeQuantized } from '../weights/quantize/write.js'
import { type ComponentErrors, componentErrors } from './componentErrors.js'
import { type ModelDtype, weightBits } from './weightBits.js'

export interface QuantizeModelOptions {
  readonly dtype: ModelDtype
  /** Compare with the model in float32 (default true). Half-precision weights are copied to `cacheDir` as float32 for it. */
  readonly compare?: boolean
  /** What is compared over (default: four drawings that come with the package). */
  readonly pictures?: readonly ImageSource[]
  readonly cacheDir?: string
  /** The models beside a checkpoint of the authors. */
  readonly frozen?: FrozenModels
  readonly signal?: AbortSignal
  /** Bytes of a part written so far, and in all. */
  readonly onProgress?: (part: ModelPart, done: number, total: number) => void
}

export interface QuantizationReport {
  readonly dtype: Required<ModelDtype>
  /** Of the weights: as float32, and as they were written. */
  readonly bytes: { readonly float32: number; readonly written: number }
  /** By component: how many matrices, how many of them asymmetric, and the largest relative error of one. */
  readonly weights: Readonly<Partial<Record<ModelPart, WeightSummary>>>
  /** Absent without `compare`. */
  readonly errors?: ComponentErrors
}

export interface WeightSummary {
  readonly matrices: number
  readonly asymmetric: number
  readonly largestError: number
}

/**
 * Writes a model with its matrices in blocks of 4 or 8 bits, as a directory that opens like any other, and says what that
 * changes. One weight at a time is in memory.
 *
 * @param model as `openModelDirectory` takes it
 * @throws ConfigError where nothing would be quantised, or the directory is there already and not empty; WeightsError
 * where the model is quantised already.
 */
export async function quantizeModel(
  model: string,
  directory: string,
  options: QuantizeModelOptions,
): Promise<QuantizationReport> {
  const { compare = true, signal, cacheDir = defaultCacheDirectory() } = options
  const dtype = { vision: 'float32', languageModel: 'float32', ...options.dtype } as const
  if (dtype.vision === 'float32' && dtype.languageModel === 'float32')
    throw new ConfigError('nothing is quantised: ask for q8 of the vision encoder, or q8 or q4 of the language model')
  const original = await openModelDirectory(model, options.frozen, signal ? { signal } : {})
  requireDrawn(original.config.vision, 'quantisation')
  const written = await writeNewDirectory(directory, async (temporary) => {
    await writeTexts(original, temporary, dtype)
    const weights: Partial<Record<ModelPart, WeightSummary>> = {}
    let bytes = 0
    for (const part of MODEL_PARTS.filter((name) => original.parts.has(name))) {
      const reports = await quantizePart(original, part, temporary, dtype, options)
      if (reports.length > 0) weights[part] = summary(reports)
      bytes += (await stat(partPath(temporary, part))).size
    }
    return { weights, bytes }
  })
  const bytes = { float32: float32Bytes(original), written: written.bytes }
  const report = { dtype, bytes, weights: written.weights }
  if (!compare) return report
  const errors = await componentErrors(original, await readModelDirectory(directory), {
    pictures: options.pictures ?? DRAWINGS,
    cacheDirectory: cacheDir,
    ...(signal ? { signal } : {}),
  })
  return { ...report, errors }
}

const DRAWINGS = ['fxemoji-penguin', 'noto-v1-guitar', 'streamline-sunflower', 'noto-v1-person-surfing'].map((name) =>
  fileURLToPath(new URL(`../../assets/demo/${name}.png`, import.meta.url)),
)

async function quantizePart(
  original: ModelDirectory,
  part: ModelPart,
  directory: string,
  dtype: ModelDtype,
  { signal, onProgress }: QuantizeModelOptions,
): Promise<QuantizedWeightReport[]> {
  const specs = partSpecs(original.config)[part]
  const bitsOf = weightBits(original.config, dtype)
  await using stream = await original.stream(part, specs)
  if (stream.isQuantized)
    throw new WeightsError(`${original.path}: ${part} is quantised already; quantise the model that it was made of`)
  const weights = stream.names.map(
    (name): WeightToQuantize => ({
      name,
      shape: specs.get(name)!.shape,
      bits: bitsOf(name),
      read: () => stream.read(name),
    }),
  )
  return await writeQuantized(partPath(directory, part), weights, {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress: (done, total) => onProgress(part, done, total) } : {}),
  })
}

async function writeTexts(original: ModelDirectory, directory: string, dtype: Required<ModelDtype>): Promise<void> {
  const { config, parts } = original
  await writeFile(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  await writeFile(
    join(directory, 'README.md'),
    `# ${basename(original.path)}, quantised\n\nMade of ${basename(original.path)} by \`blip2 quantize\`: vision encoder ${dtype.vision}, language model ${dtype.languageModel}. See the card of the original for what it was trained on.\n`,
  )
  const readsText = parts.has('stage1') || config.questionToQFormer === true
  const needed = [
    ...(readsText ? (['qformer'] as const) : []),
    ...(parts.has('language') ? (['language'] as const) : []),
  ]
  for (const tokenizer of needed)
    await writeFile(
      join(directory, TOKENIZER_FILES[tokenizer]),
      JSON.stringify(await original.readTokenizer(tokenizer)),
    )
}

function summary(reports: readonly QuantizedWeightReport[]): WeightSummary {
  return {
    matrices: reports.length,
    asymmetric: reports.filter(({ symmetric }) => !symmetric).length,
    largestError: Math.max(...reports.map(({ error }) => error)),
  }
}

/** Bytes of the same weights as float32. */
function float32Bytes({ config, parts }: ModelDirectory): number {
  const specs = partSpecs(config)
  return [...parts].reduce(
    (sum, part) => [...specs[part].values()].reduce((bytes, { shape }) => bytes + storedBytes(shape, 32), sum),
    0,
  )
}
