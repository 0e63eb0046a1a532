import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULT_GENERATION, type GenerationOptions } from '../../src/generate/options.js'
import type { LanguageConfig } from '../../src/models/blip2.js'
import { float32, type Value } from '../../src/runtime/index.js'
import type { EncodedBatch } from '../../src/text/tokenizer.js'
import { type GraphWeights, heldWeights } from '../../src/weights/heldWeights.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'

/** What `reference/generate.py` wrote. */
export interface GenerateFixture<Kind extends LanguageConfig['kind']> {
  readonly config: Extract<LanguageConfig, { kind: Kind }>
  readonly options: GraphWeights
  /** Soft prompts, float32 [rows, queries, width] */
  readonly prompt: Value
  /** The tokens after each row's soft prompt, of different lengths. */
  readonly texts: readonly (readonly number[])[]
  readonly cases: readonly GenerateCase[]
}

export interface GenerateCase {
  readonly name: string
  readonly options: GenerationOptions
  /** For each row the returned texts; ids end with the token that ended the text. */
  readonly rows: readonly (readonly { readonly ids: readonly number[]; readonly score: number }[])[]
}

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'generate')
const PAD = 1

export const readJson = async (name: string) => JSON.parse(await readFile(join(FOLDER, name), 'utf8'))

export async function readGenerateFixture(): Promise<GenerateFixture<'opt'>> {
  const { config, texts, cases } = await readJson('generate.json')
  return {
    ...(await readWeights('model.safetensors')),
    config: {
      kind: 'opt',
      vocabularySize: config.vocab_size,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      feedForward: config.ffn_dim,
      maxPositions: config.max_position_embeddings,
      layerNormEpsilon: 1e-5,
    },
    texts,
    cases: readCases(cases),
  }
}

export async function readT5Fixture(): Promise<GenerateFixture<'t5'>> {
  const { config, texts, cases } = await readJson('t5.json')
  return {
    ...(await readWeights('t5.safetensors')),
    config: {
      kind: 't5',
      vocabularySize: config.vocab_size,
      width: config.d_model,
      encoderLayers: config.num_layers,
      decoderLayers: config.num_layers,
      heads: config.num_heads,
      headSize: config.d_kv,
      feedForward: config.d_ff,
      relativeBuckets: config.relative_attention_num_buckets,
      relativeMaxDistance: config.relative_attention_max_distance,
      layerNormEpsilon: config.layer_norm_epsilon,
      gelu: 'tanh',
    },
    texts,
    cases: readCases(cases),
  }
}

async function readWeights(name: string) {
  await using file = await SafetensorsFile.open(join(FOLDER, name))
  const weights = new Map<string, Float32Array>()
  for (const tensor of file.tensors.keys()) weights.set(tensor, await file.readFloat32(tensor))
  return { options: heldWeights(weights), prompt: float32(file.tensors.get('prompt')!.shape, weights.get('prompt')!) }
}

const readCases = (cases: readonly RawCase[]): GenerateCase[] =>
  cases.map(({ name, options: { stopIds, ...options }, rows }) => {
    const stop = stopIds && ((ids: readonly number[]) => stopIds.some((sequence) => endsWith(ids, sequence)))
    return { name, options: { ...DEFAULT_GENERATION, ...options, ...(stop ? { stop } : {}) }, rows }
  })

type RawCase = GenerateCase & { readonly options: { readonly stopIds?: readonly (readonly number[])[] } }

const endsWith = (ids: readonly number[], end: readonly number[]) =>
  ids.length >= end.length && end.every((id, i) => ids[ids.length - end.length + i] === id)

/** Texts of different lengths as one batch. */
export function padded(texts: readonly (readonly number[])[], side: 'left' | 'right' = 'left'): EncodedBatch {
  const length = Math.max(...texts.map((text) => text.length))
  const filled = (text: readonly number[], own: readonly number[], filler: number) => {
    const padding = Array.from({ length: length - text.length }, () => filler)
    return side === 'left' ? [...padding, ...own] : [...own, ...padding]
  }
  return {
    ids: BigInt64Array.from(
      texts.flatMap((text) => filled(text, text, PAD)),
      BigInt,
    ),
    mask: BigInt64Array.from(
      texts.flatMap((text) =>
        filled(
          text,
          text.map(() => 1),
          0,
        ),
      ),
      BigInt,
    ),
    shape: [texts.length, length],
  }
}

/** Some rows of a soft prompt. */
export function rowsOf({ shape, data }: Value, rows: readonly number[]): Value {
  const size = data.length / shape[0]!
  const taken = rows.flatMap((row) => Array.from((data as Float32Array).subarray(row * size, (row + 1) * size)))
  return float32([rows.length, ...shape.slice(1)], Float32Array.from(taken))
}
