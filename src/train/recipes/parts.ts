import { readFile } from 'node:fs/promises'
import { ConfigError } from '../../errors.js'
import {
  type ModelDirectory,
  type ModelPart,
  type PartWeight,
  readModelDirectory,
} from '../../weights/modelDirectory.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { partSpecs } from '../partSpecs.js'
import type { EmojiTokenizers } from './modelConfig.js'

export type Weights = Map<string, PartWeight>

/** Reads a part of a model directory with its shapes; a ConfigError says how to get one that is absent. */
export async function loadPart(directory: ModelDirectory, part: ModelPart): Promise<Weights> {
  if (!directory.parts.has(part))
    throw new ConfigError(`${directory.path} holds no ${part} weights; ${HOW_TO_GET[part]}`)
  const specs = partSpecs(directory.config)[part]
  const loaded = await directory.load(part, specs)
  return new Map([...loaded].map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }]))
}

const HOW_TO_GET: Record<ModelPart, string> = {
  vision: 'train an encoder with `blip2 train vision`, or give another --vision directory',
  language: 'train a language model with `blip2 train language`, or give another --language-model directory',
  stage1: 'run `blip2 pretrain stage1` first',
  stage2: 'run `blip2 pretrain stage2` first',
}

/** The trained weights whose names pass, copied out of the optimiser's memory. */
export function trainedWeights(memory: ParameterMemory, keep: (name: string) => boolean = () => true): Weights {
  const kept = memory.parameters.filter(({ name }) => keep(name))
  return new Map(kept.map(({ name, shape, value }) => [name, { shape, data: value.slice() }]))
}

/** Data by name, without shapes. */
export const dataOf = (weights: Weights): Map<string, Float32Array> =>
  new Map([...weights].map(([name, { data }]) => [name, data]))

export async function readTokenizers(directory: ModelDirectory): Promise<EmojiTokenizers> {
  const read = async (name: 'qformer' | 'language') => JSON.parse(await readFile(directory.tokenizerPath(name), 'utf8'))
  return { qformer: await read('qformer'), language: await read('language') }
}

/** The model directory of a training: what `blip2 pretrain` writes to OUT/model, or a model directory itself. */
export async function openTrained(path: string): Promise<ModelDirectory> {
  const inner = await readModelDirectory(`${path}/model`).catch((error: { code?: string }) => {
    if (error.code === 'MODEL_NOT_FOUND') return undefined
    throw error
  })
  return inner ?? readModelDirectory(path)
}
