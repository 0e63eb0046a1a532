import { partSpecs } from '../train/partSpecs.js'
import type { ModelDirectory, ModelPart } from '../weights/modelDirectory.js'

/** Weights by name. */
export type Weights = ReadonlyMap<string, Float32Array>

/** The encoder, and the weights of each stage where the directory has them. */
export type ModelWeights = { readonly vision: Weights } & Readonly<Partial<Record<ModelPart, Weights>>>

/** Reads every part that the directory has, strictly: each file holds exactly what the model's graph declares. */
export async function loadModelWeights(directory: ModelDirectory): Promise<ModelWeights> {
  const specs = partSpecs(directory.config)
  const load = (part: ModelPart) => directory.load(part, specs[part])
  const optional = async (part: ModelPart) => (directory.parts.has(part) ? { [part]: await load(part) } : {})
  return {
    vision: await load('vision'),
    ...(await optional('stage1')),
    ...(await optional('stage2')),
    ...(await optional('language')),
  }
}
