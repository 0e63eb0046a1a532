import { type ModelDtype, weightBits } from '../quantize/weightBits.js'
import { partSpecs } from '../train/partSpecs.js'
import type { GraphWeightsOptions } from '../weights/graphWeights.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import { MODEL_PARTS, type ModelDirectory, type ModelPart } from '../weights/modelDirectory.js'

/** The encoder, and the weights of each stage where the directory has them. */
export type ModelWeights = { readonly vision: GraphWeights } & Readonly<Partial<Record<ModelPart, GraphWeights>>>

export interface ModelWeightsOptions extends Omit<GraphWeightsOptions, 'bits'> {
  readonly dtype?: ModelDtype
  /** The parts to open where the directory has them (default: all of them); the encoder always is. */
  readonly wanted?: readonly ModelPart[]
}

/** Opens the parts that the directory has, strictly: each holds exactly what the model's graph declares. */
export async function openModelWeights(
  directory: ModelDirectory,
  { dtype, wanted = MODEL_PARTS, ...options }: ModelWeightsOptions,
): Promise<ModelWeights> {
  const specs = partSpecs(directory.config)
  const bits = dtype && weightBits(directory.config, dtype)
  const open = (part: ModelPart) => directory.open(part, specs[part], bits ? { ...options, bits } : options)
  const optional = async (part: ModelPart) =>
    directory.parts.has(part) && wanted.includes(part) ? { [part]: await open(part) } : {}
  return {
    // The encoder is bound by arithmetic, so it is repacked even where that takes a second copy.
    vision: { ...(await open('vision')), prepack: true },
    ...(await optional('stage1')),
    ...(await optional('stage2')),
    ...(await optional('language')),
  }
}
