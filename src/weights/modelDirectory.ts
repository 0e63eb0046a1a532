import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, ModelNotFoundError, WeightsError } from '../errors.js'
import { openGraphWeights } from './graphWeights.js'
import { isHuggingFaceBlip2, readHuggingFaceConfig, readHuggingFaceDirectory } from './huggingFaceDirectory.js'
import { type ModelConfig, parseModelConfig } from './modelConfig.js'
import {
  MODEL_PARTS,
  type ModelDirectory,
  type ModelPart,
  type TokenizerName,
  type WantedWeights,
} from './modelParts.js'
import { ownNames } from './names/layout.js'
import { streamPlanned } from './names/load.js'
import { planWeights } from './names/plan.js'
import { copyOnnx, ONNX_ENCODER, type OnnxPart } from './onnxPart.js'
import type { FrozenPart } from './partSource.js'
import { isQuantized, loadQuantized, mapQuantized, streamQuantized } from './quantize/open.js'
import { SafetensorsFile } from './safetensors/read.js'
import { loadStrict } from './safetensors/strict.js'
import { type LazyTensor, writeSafetensors } from './safetensors/write.js'
import { readTokenizerFile } from './tokenizerFile.js'

export type { ModelConfig } from './modelConfig.js'
export { MODEL_PARTS, type ModelDirectory, type ModelPart } from './modelParts.js'

export const TOKENIZER_FILES = {
  qformer: 'qformer-tokenizer.json',
  language: 'language-tokenizer.json',
} as const satisfies Record<TokenizerName, string>

export interface PartWeight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/**
 * Opens a model directory, of ours or of Hugging Face's BLIP-2: config.json is checked, weights are read when asked for.
 *
 * @throws ModelNotFoundError when there is no such directory or it holds no config.json; ConfigError naming the field
 * of config.json that is wrong.
 */
export async function readModelDirectory(path: string): Promise<ModelDirectory> {
  const json = await readConfigFile(path)
  if (isHuggingFaceBlip2(json)) return readHuggingFaceDirectory(path, json)
  const config = parseModelConfig(join(path, 'config.json'), json)
  const fileOf = (part: ModelPart) =>
    part === 'vision' && config.vision.kind === 'onnx' ? join(path, ONNX_ENCODER) : partPath(path, part)
  const present = await Promise.all(MODEL_PARTS.map((part) => isFile(fileOf(part))))
  return {
    path,
    config,
    parts: new Set(MODEL_PARTS.filter((_, i) => present[i])),
    readTokenizer: (tokenizer) => readTokenizerFile(join(path, TOKENIZER_FILES[tokenizer])),
    load: async (part, wanted) => {
      await using file = await SafetensorsFile.open(partPath(path, part))
      return await (isQuantized(file) ? loadQuantized : loadStrict)(file, wanted)
    },
    open: async (part, wanted, options) => {
      await using file = await SafetensorsFile.open(partPath(path, part))
      if (isQuantized(file)) return await mapQuantized(file, wanted)
      return await openGraphWeights(file, planWeights(file, ownNames, shapesOf(wanted)), options)
    },
    stream: async (part, wanted) => {
      const file = await SafetensorsFile.open(partPath(path, part))
      if (isQuantized(file)) return streamQuantized(file, wanted)
      return streamPlanned(file, (table) => planWeights(table, ownNames, shapesOf(wanted)))
    },
  }
}

/** The configuration of a model directory, whose weights need not be there. @throws as `readModelDirectory` */
export async function readModelConfig(path: string): Promise<ModelConfig> {
  const json = await readConfigFile(path)
  if (isHuggingFaceBlip2(json)) return readHuggingFaceConfig(path, json)
  return parseModelConfig(join(path, 'config.json'), json)
}

/** A part to be written: weights in memory by name, those of another model, read one at a time, or an ONNX file. */
export type NewPart = ReadonlyMap<string, PartWeight> | FrozenPart | OnnxPart

export interface NewModelDirectory {
  readonly config: ModelConfig
  /** Weights are stored as float16, an ONNX file as it is; only the vision encoder may be one. */
  readonly parts: Readonly<Partial<Record<ModelPart, NewPart>>>
  /** tokenizer.json objects. */
  readonly tokenizers: Readonly<Record<TokenizerName, object>>
  /** README.md: what the model is, what it was trained on, what it can and cannot do. */
  readonly card: string
}

/**
 * Writes a model directory. It appears under its name only when it is whole; one that is there already is replaced.
 *
 * @throws ConfigError when the configuration is wrong; WeightsError for a weight beyond float16's range.
 */
export async function writeModelDirectory(path: string, model: NewModelDirectory): Promise<void> {
  const config = parseModelConfig(join(path, 'config.json'), model.config)
  const temporary = `${path}.${process.pid}.tmp`
  await mkdir(temporary, { recursive: true })
  try {
    await writeFile(join(temporary, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
    await writeFile(join(temporary, 'README.md'), model.card)
    for (const [name, file] of Object.entries(TOKENIZER_FILES) as [TokenizerName, string][])
      await writeFile(join(temporary, file), JSON.stringify(model.tokenizers[name]))
    for (const part of MODEL_PARTS) {
      const weights = model.parts[part]
      if (weights) await writePart(temporary, part, weights)
    }
    await replace(temporary, path)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Where a directory of ours has the weights of a part. */
export const partPath = (directory: string, part: ModelPart) => join(directory, `${part}.safetensors`)

const shapesOf = (wanted: WantedWeights) => new Map([...wanted].map(([name, { shape }]) => [name, shape]))

/** The content of a model's config.json. @throws ModelNotFoundError where there is none; ConfigError where it is no JSON. */
export async function readConfigFile(directory: string): Promise<unknown> {
  const path = join(directory, 'config.json')
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ModelNotFoundError(
      `no model in ${directory}: cannot read its config.json (${cause.code ?? cause.message}). Give the directory of a model, such as models/emoji`,
      { cause },
    )
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`${path} is not JSON`, { cause })
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )

async function writePart(directory: string, part: ModelPart, weights: NewPart): Promise<void> {
  if ('onnx' in weights) return copyOnnx(weights, join(directory, ONNX_ENCODER))
  const halves = (names: Iterable<string>, shapes: WantedWeights, read: (name: string) => Promise<Float32Array>) =>
    new Map(
      [...names].map((name): [string, LazyTensor] => [
        name,
        { shape: shapes.get(name)!.shape, dtype: 'F16', read: async () => inRange(part, name, await read(name)) },
      ]),
    )
  const write = (tensors: ReadonlyMap<string, LazyTensor>) =>
    writeSafetensors(partPath(directory, part), tensors, { metadata: { format: 'pt' } })
  if (!('source' in weights)) return write(halves(weights.keys(), weights, async (name) => weights.get(name)!.data))
  await using stream = await weights.source.stream(weights.wanted)
  await write(halves(stream.names, weights.wanted, stream.read))
}

const LARGEST_FLOAT16 = 65_504

function inRange(part: ModelPart, name: string, data: Float32Array): Float32Array {
  const bad = data.find((value) => !(Math.abs(value) <= LARGEST_FLOAT16))
  if (bad === undefined) return data
  throw new WeightsError(`${part}: weight ${name} holds ${bad}, which float16 cannot; the training went wrong`)
}

/** Puts `temporary` in the place of `path`. A directory cannot be renamed over another, so the old one steps aside. */
async function replace(temporary: string, path: string): Promise<void> {
  const aside = `${path}.${process.pid}.old`
  const had = await rename(path, aside).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  try {
    await rename(temporary, path)
  } catch (error) {
    if (had) await rename(aside, path)
    throw error
  }
  if (had) await rm(aside, { recursive: true, force: true })
}
