import { stat } from 'node:fs/promises'
import { ConfigError } from '../errors.js'
import type { AnyArchitecture } from '../models/architectureSpecs.js'
import { requireDrawn } from '../models/imageEncoder.js'
import { ARCHITECTURES } from '../models/presets.js'
import { type ModelDtype, weightBits } from '../quantize/weightBits.js'
import { isHubId, type PullOptions } from '../weights/hub/pullModel.js'
import { type ModelDirectory, partPath, readModelDirectory } from '../weights/modelDirectory.js'
import { openTensors } from '../weights/openTensors.js'
import { storedBytes } from '../weights/quantize/format.js'
import { SafetensorsFile } from '../weights/safetensors/read.js'
import { readHubModel } from './hubModel.js'
import { type InferenceMemory, inferenceMemory } from './inferenceMemory.js'
import type { DrawingOptions } from '../train/recipes/drawnTraining.js'
import { type TrainingMemory, trainingMemory } from '../train/recipes/trainingMemory.js'
import { type ByComponent, componentSpecs, parameterCounts, totalOf } from './weightSizes.js'

export interface EstimateOptions {
  readonly dtype?: ModelDtype
  /** Training of a stage instead of captioning. */
  readonly train?: DrawingOptions
  /** For a model of the hub. */
  readonly hub?: PullOptions
}

/** Sizes in bytes. */
export interface Estimate {
  readonly parameters: ByComponent & { readonly total: number }
  /** Of the weights as they are published, or lie on the disk: float16 for a preset. */
  readonly download: number
  /** With the copy that is made where the weights cannot be mapped as they are. */
  readonly disk: number
  readonly inference?: InferenceMemory
  readonly training?: TrainingMemory
}

const HALF = 2

/**
 * What a model takes, from its configuration and the headers of its weights: nothing is loaded.
 * @param model a directory, the name of an architecture of the paper, or OWNER/NAME on the hub, whose headers are read
 * @throws ModelNotFoundError, ConfigError or WeightsError where there is no such model.
 */
export async function estimateModel(
  model: string,
  { dtype = {}, train, hub = {} }: EstimateOptions = {},
): Promise<Estimate> {
  const { config, stored, mappable } = await sizesOf(model, hub)
  const counts = parameterCounts(config)
  const needsCopy = dtype.vision !== undefined || dtype.languageModel !== undefined || !mappable
  return {
    parameters: { ...counts, total: totalOf(counts) },
    download: stored,
    disk: stored + (needsCopy && !train ? copyBytes(config, dtype) : 0),
    ...(train ? { training: trainingMemory(config, train) } : { inference: inferenceMemory(config, dtype) }),
  }
}

interface Sizes {
  readonly config: AnyArchitecture
  /** Bytes of all tensors. */
  readonly stored: number
  /** Whether they are float32 already. */
  readonly mappable: boolean
}

async function sizesOf(model: string, hub: PullOptions): Promise<Sizes> {
  const preset = Object.hasOwn(ARCHITECTURES, model) ? ARCHITECTURES[model as keyof typeof ARCHITECTURES] : undefined
  const isThere = await stat(model).then(
    () => true,
    () => false,
  )
  if (preset && !isThere) return { config: preset, stored: HALF * totalOf(parameterCounts(preset)), mappable: false }
  if (!isThere && isHubId(model)) return hubSizes(model, hub)
  const directory = await readModelDirectory(model)
  if (!directory.parts.has('language')) throw noLanguageModel(model)
  requireDrawn(directory.config.vision, 'an estimate')
  const infos = await tensorInfos(directory)
  return {
    config: directory.config,
    stored: infos.reduce((sum, { byteLength }) => sum + byteLength, 0),
    mappable: infos.every(({ dtype }) => dtype === 'F32'),
  }
}

async function hubSizes(id: string, hub: PullOptions): Promise<Sizes> {
  const { config, tensors, weightBytes, weightFiles } = await readHubModel(id, hub)
  const names = [...(tensors?.keys() ?? [])]
  const writes =
    tensors === undefined ||
    weightFiles.includes(partPath('', 'language')) ||
    names.some((name) => name.includes(' language_model.'))
  if (!writes) throw noLanguageModel(id)
  if (tensors === undefined) return { config, stored: weightBytes, mappable: false }
  const infos = [...tensors.values()]
  return {
    config,
    stored: infos.reduce((sum, { byteLength }) => sum + byteLength, 0),
    mappable: infos.every(({ dtype }) => dtype === 'F32'),
  }
}

const noLanguageModel = (model: string) =>
  new ConfigError(`${model} has no language model; estimates are made for models that write text`)

/** Of a directory of ours, whose parts may share names, or of another's. */
async function tensorInfos({ path, parts }: ModelDirectory) {
  const isOurs = await stat(partPath(path, 'vision')).then(
    () => true,
    () => false,
  )
  if (!isOurs) {
    await using tensors = await openTensors(path)
    return [...tensors.tensors.values()]
  }
  const infos = []
  for (const part of parts) {
    await using file = await SafetensorsFile.open(partPath(path, part))
    infos.push(...file.tensors.values())
  }
  return infos
}

/** Small parts are read into memory; the others are written as they are mapped. */
function copyBytes(config: AnyArchitecture, dtype: ModelDtype): number {
  const bits = weightBits(config, dtype)
  return Object.values(componentSpecs(config)).reduce((total, specs) => {
    const float = specs.reduce((sum, { shape }) => sum + storedBytes(shape, 32), 0)
    const bytes = specs.reduce((sum, { name, shape }) => sum + storedBytes(shape, bits(name)), 0)
    return bytes < float || float >= 2 ** 28 ? total + bytes : total
  }, 0)
}
