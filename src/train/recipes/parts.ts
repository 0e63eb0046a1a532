import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../errors.js'
import type { TokenizerJson } from '../../text/tokenizerJson.js'
import {
  type ModelDirectory,
  type ModelPart,
  type PartWeight,
  readModelDirectory,
} from '../../weights/modelDirectory.js'
import { type FrozenPart, partOf } from '../../weights/partSource.js'
import { METRICS_FILE } from '../metrics.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { partSpecs } from '../partSpecs.js'
import type { EmojiTokenizers } from './modelConfig.js'

export type Weights = Map<string, PartWeight>

/** Reads a part of a model directory with its shapes; a ConfigError says how to get one that is absent. */
export async function loadPart(directory: ModelDirectory, part: ModelPart): Promise<Weights> {
  const { source, wanted } = frozenPart(directory, part)
  const loaded = await source.load(wanted)
  return new Map([...loaded].map(([name, data]) => [name, { shape: wanted.get(name)!.shape, data }]))
}

/** A part of a model directory that is not to be held as a whole; a ConfigError says how to get one that is absent. */
export function frozenPart(directory: ModelDirectory, part: ModelPart): FrozenPart {
  if (!directory.parts.has(part))
    throw new ConfigError(`${directory.path} holds no ${part} weights; ${HOW_TO_GET[part]}`)
  return { source: partOf(directory, part), wanted: partSpecs(directory.config)[part] }
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

/** Both vocabularies of a model. Throws a DataError for one that is missing or broken. */
export async function readTokenizers({
  readTokenizer,
}: Pick<ModelDirectory, 'readTokenizer'>): Promise<EmojiTokenizers> {
  const read = async (name: keyof EmojiTokenizers) => (await readTokenizer(name)) as TokenizerJson
  return { qformer: await read('qformer'), language: await read('language') }
}

/**
 * The model directory of a training: what `blip2 pretrain` writes to OUT/model, or a model directory itself. Throws a
 * ConfigError for a training that has not ended.
 */
export async function openTrained(path: string): Promise<ModelDirectory> {
  if (await exists(join(path, 'model'))) return readModelDirectory(join(path, 'model'))
  if (await exists(join(path, METRICS_FILE)))
    throw new ConfigError(`the training in ${path} has not ended: it wrote no model yet. Continue it with --resume`)
  return readModelDirectory(path)
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
