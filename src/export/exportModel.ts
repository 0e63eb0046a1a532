import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.js'
import type { FrozenModels } from '../frozen/authorsCheckpoint.js'
import { openModelDirectory } from '../frozen/openModelDirectory.js'
import { Graph, toOnnx, type WeightSource } from '../graph/index.js'
import { reachable } from '../graph/verify.js'
import { requireDrawn } from '../models/imageEncoder.js'
import type { ModelDtype } from '../quantize/weightBits.js'
import { openModelWeights } from '../tasks/modelWeights.js'
import { defaultCacheDirectory } from '../weights/cacheDirectory.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelPart } from '../weights/modelDirectory.js'
import { writeNewDirectory } from '../weights/newDirectory.js'
import { EXPORTED, type Exported, partDrawings } from './drawParts.js'
import { ExternalData } from './externalData.js'
import { type PartParity, parityOf } from './parity.js'

export interface ExportOptions {
  readonly dtype?: ModelDtype
  /** Tokens between the soft prompt and the text, padding included: `prefill` has them as a fixed size (default 8). */
  readonly promptTokens?: number
  /** For converted weights. */
  readonly cacheDir?: string
  /** The models beside a checkpoint of the authors. */
  readonly frozen?: FrozenModels
  readonly signal?: AbortSignal
  readonly onProgress?: (doing: string) => void
}

export interface ExportReport {
  /** Bytes of all files. */
  readonly bytes: number
  /** By graph: the exported file under plain onnxruntime against this package. */
  readonly parity: Readonly<Record<Exported, PartParity>>
}

/** Which graphs share a file of weights. */
const DATA_FILES: Readonly<Partial<Record<ModelPart, string>>> = {
  vision: 'vision.onnx.data',
  stage2: 'qformer.onnx.data',
  language: 'language_model.onnx.data',
}
const DEFAULT_PROMPT_TOKENS = 8

/**
 * Writes a model as four ONNX graphs with external data: vision, Q-Former with projection, the language model over its
 * prompt, and over one more token. Then runs them with plain onnxruntime and compares with what this package computes.
 *
 * @param model as `openModelDirectory` takes it
 * @throws ConfigError where the model writes no text, or the directory is there already and not empty.
 */
export async function exportModel(
  model: string,
  directory: string,
  {
    dtype,
    promptTokens = DEFAULT_PROMPT_TOKENS,
    cacheDir = defaultCacheDirectory(),
    frozen,
    signal,
    onProgress,
  }: ExportOptions = {},
): Promise<ExportReport> {
  const opened = await openModelDirectory(model, frozen, signal ? { signal } : {})
  requireDrawn(opened.config.vision, 'an export')
  const weights = await openModelWeights(opened, {
    cacheDirectory: cacheDir,
    ...(dtype ? { dtype } : {}),
    ...(signal ? { signal } : {}),
  })
  if (!weights.stage2 || !weights.language)
    throw new ConfigError(`${model} writes no text; only models with stage 2 and a language model are exported`)
  const drawings = partDrawings(opened.config, promptTokens)
  await writeNewDirectory(directory, async (temporary) => {
    for (const part of ['vision', 'stage2', 'language'] as const) {
      onProgress?.(`writing ${DATA_FILES[part]}`)
      const graphs = EXPORTED.filter((name) => drawings[name].part === part)
      await writeGraphs(temporary, join(temporary, DATA_FILES[part]!), weights[part]!, graphs, drawings, signal)
    }
    await writeFile(join(temporary, 'tokenizer.json'), JSON.stringify(await opened.readTokenizer('language')))
    const { vision, mean, std, generation } = opened.config
    const settings = { imageSize: vision.imageSize, mean, std, promptTokens, generation }
    await writeFile(join(temporary, 'config.json'), `${JSON.stringify(settings, null, 2)}\n`)
  })
  onProgress?.('comparing')
  const parity = await parityOf(directory, opened.config, drawings, weights, promptTokens)
  const files = [...EXPORTED.map((name) => `${name}.onnx`), ...Object.values(DATA_FILES)]
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(directory, name))).size))
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), parity }
}

async function writeGraphs(
  directory: string,
  dataPath: string,
  weights: GraphWeights,
  names: readonly Exported[],
  drawings: ReturnType<typeof partDrawings>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using data = await ExternalData.create(dataPath, weights)
  for (const name of names) {
    const graph = new Graph()
    const outputs = drawings[name].draw(graph)
    const { tensors } = reachable(Object.values(outputs))
    const sources = new Map<string, WeightSource>()
    for (const [weight, tensor] of graph.parameters) {
      signal?.throwIfAborted()
      if (tensors.has(tensor)) sources.set(weight, await data.place(weight))
    }
    const { bytes } = toOnnx(graph, outputs, { weight: (weight) => sources.get(weight)! })
    await writeFile(join(directory, `${name}.onnx`), bytes)
  }
}
