import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, ModelNotFoundError, WeightsError } from '../errors.js'
import { SafetensorsFile } from './safetensors/read.js'
import { loadStrict } from './safetensors/strict.js'
import { writeSafetensors } from './safetensors/write.js'

const size = z.int().positive()
const fraction = z.number().positive()
const rgb = z.tuple([z.number(), z.number(), z.number()])

const modelConfigSchema = z
  .strictObject({
    format: z.literal('blip2'),
    version: z.literal(1),
    /** The frozen encoder, in CLIP's form. */
    vision: z.strictObject({
      imageSize: size,
      patchSize: size,
      width: size,
      layers: size,
      heads: size,
      feedForward: size,
      layerNormEpsilon: fraction,
      /** The weights hold the mean and deviation of every feature, which are taken out. */
      standardizedFeatures: z.boolean().default(false),
    }),
    /** Mean and standard deviation that pixels in 0..1 are normalised with. */
    mean: rgb,
    std: rgb,
    qformer: z.strictObject({
      vocabularySize: size,
      width: size,
      layers: size,
      heads: size,
      feedForward: size,
      maxPositions: size,
      queries: size,
      encoderWidth: size,
      crossAttentionEvery: size,
      layerNormEpsilon: fraction,
    }),
    /** Epsilon of the trained LayerNorm on the encoder's output. */
    visionLayerNormEpsilon: fraction,
    /** Width of the space that pictures and texts share. */
    embeddingWidth: size,
    /** The frozen language model, in OPT's form. */
    language: z.strictObject({
      vocabularySize: size,
      width: size,
      layers: size,
      heads: size,
      feedForward: size,
      maxPositions: size,
      layerNormEpsilon: fraction,
    }),
    text: z.strictObject({
      /** Tokens of a caption for the Q-Former, [CLS] and [SEP] included. */
      maxTokens: size,
      decoderToken: z.int().nonnegative(),
      padToken: z.int().nonnegative(),
    }),
    /** How captions are generated where the caller does not say otherwise. */
    generation: z.strictObject({
      /** Text in front of the caption. */
      prompt: z.string(),
      maxNewTokens: size,
      numBeams: size,
      lengthPenalty: z.number(),
      repetitionPenalty: fraction,
    }),
  })
  .refine(({ vision, qformer }) => vision.width === qformer.encoderWidth, {
    error: 'must equal vision.width',
    path: ['qformer', 'encoderWidth'],
  })
  .refine(({ text, qformer }) => text.maxTokens <= qformer.maxPositions, {
    error: 'must not exceed qformer.maxPositions',
    path: ['text', 'maxTokens'],
  })

/** The config.json of a model directory. */
export type ModelConfig = z.infer<typeof modelConfigSchema>

/**
 * The weight files. `stage1` serves match, search and embeddings, `stage2` with `language` captions: both stages train
 * a Q-Former of the same names, so each has its own file.
 */
export const MODEL_PARTS = ['vision', 'stage1', 'stage2', 'language'] as const
export type ModelPart = (typeof MODEL_PARTS)[number]

export const TOKENIZER_FILES = {
  qformer: 'qformer-tokenizer.json',
  language: 'language-tokenizer.json',
} as const

export interface PartWeight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface ModelDirectory {
  readonly path: string
  readonly config: ModelConfig
  /** The weight files that are there. */
  readonly parts: ReadonlySet<ModelPart>
  readonly tokenizerPath: (tokenizer: keyof typeof TOKENIZER_FILES) => string
  /**
   * A part's weights as float32. Missing, unexpected and wrongly shaped tensors are listed in one WeightsError.
   * @param wanted Shape by name, as the model's graph declares them.
   */
  readonly load: (
    part: ModelPart,
    wanted: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  ) => Promise<Map<string, Float32Array>>
}

/**
 * Opens a model directory: config.json is checked, weights are read when asked for.
 *
 * @throws ModelNotFoundError when there is no such directory or it holds no config.json; ConfigError naming the field
 * of config.json that is wrong.
 */
export async function readModelDirectory(path: string): Promise<ModelDirectory> {
  const config = parseConfig(path, await readConfig(path))
  const present = await Promise.all(MODEL_PARTS.map((part) => isFile(partPath(path, part))))
  return {
    path,
    config,
    parts: new Set(MODEL_PARTS.filter((_, i) => present[i])),
    tokenizerPath: (tokenizer) => join(path, TOKENIZER_FILES[tokenizer]),
    load: async (part, wanted) => {
      await using file = await SafetensorsFile.open(partPath(path, part))
      return await loadStrict(file, wanted)
    },
  }
}

export interface NewModelDirectory {
  readonly config: ModelConfig
  /** Weights by part and name; they are stored as float16. */
  readonly parts: Readonly<Partial<Record<ModelPart, ReadonlyMap<string, PartWeight>>>>
  /** tokenizer.json objects. */
  readonly tokenizers: Readonly<Record<keyof typeof TOKENIZER_FILES, object>>
  /** README.md: what the model is, what it was trained on, what it can and cannot do. */
  readonly card: string
}

/**
 * Writes a model directory. It appears under its name only when it is whole; one that is there already is replaced.
 *
 * @throws ConfigError when the configuration is wrong; WeightsError for a weight beyond float16's range.
 */
export async function writeModelDirectory(path: string, model: NewModelDirectory): Promise<void> {
  const config = parseConfig(path, model.config)
  const temporary = `${path}.${process.pid}.tmp`
  await mkdir(temporary, { recursive: true })
  try {
    await writeFile(join(temporary, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
    await writeFile(join(temporary, 'README.md'), model.card)
    for (const [name, file] of Object.entries(TOKENIZER_FILES) as [keyof typeof TOKENIZER_FILES, string][])
      await writeFile(join(temporary, file), JSON.stringify(model.tokenizers[name]))
    for (const part of MODEL_PARTS) {
      const weights = model.parts[part]
      if (!weights) continue
      checkRange(part, weights)
      await writeSafetensors(partPath(temporary, part), weights, { dtype: 'F16', metadata: { format: 'pt' } })
    }
    await replace(temporary, path)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const partPath = (directory: string, part: ModelPart) => join(directory, `${part}.safetensors`)

async function readConfig(directory: string): Promise<unknown> {
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

function parseConfig(directory: string, json: unknown): ModelConfig {
  const parsed = modelConfigSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`)
  throw new ConfigError(`${join(directory, 'config.json')} is not the configuration of a model: ${problems.join('; ')}`)
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )

const LARGEST_FLOAT16 = 65_504

function checkRange(part: ModelPart, weights: ReadonlyMap<string, PartWeight>): void {
  for (const [name, { data }] of weights) {
    const bad = data.find((value) => !(Math.abs(value) <= LARGEST_FLOAT16))
    if (bad !== undefined)
      throw new WeightsError(`${part}: weight ${name} holds ${bad}, which float16 cannot; the training went wrong`)
  }
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
