import { requireDrawn } from '../models/imageEncoder.js'
import { type ModelDtype, weightBits } from '../quantize/weightBits.js'
import { partSpecs } from '../train/partSpecs.js'
import type { GraphWeightsOptions } from '../weights/graphWeights.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import { MODEL_PARTS, type ModelDirectory, type ModelPart } from '../weights/modelDirectory.js'

/** The weights of parts that the directory has. */
export type PartWeights = Readonly<Partial<Record<ModelPart, GraphWeights>>>
/** The encoder, and the weights of each stage where the directory has them. */
export type ModelWeights = PartWeights & { readonly vision: GraphWeights }

export interface ModelWeightsOptions extends Omit<GraphWeightsOptions, 'bits'> {
  readonly dtype?: ModelDtype
}

/**
 * Opens all parts that the directory has, strictly: each holds exactly what the model's graph declares.
 *
 * @throws ConfigError where the encoder is an ONNX file, which has its weights itself
 */
export async function openModelWeights(directory: ModelDirectory, options: ModelWeightsOptions): Promise<ModelWeights> {
  requireDrawn(directory.config.vision, 'reading all weights')
  return (await openPartWeights(directory, MODEL_PARTS, options)) as ModelWeights
}

/** The same for those of these parts that the directory has; an encoder has to be there, if it is one of them and no ONNX file. */
export async function openPartWeights(
  directory: ModelDirectory,
  parts: readonly ModelPart[],
  { dtype, ...options }: ModelWeightsOptions,
): Promise<PartWeights> {
  const specs = partSpecs(directory.config)
  const bits = dtype && weightBits(directory.config, dtype)
  const opened: Partial<Record<ModelPart, GraphWeights>> = {}
  for (const part of parts) {
    if (part === 'vision' ? directory.config.vision.kind === 'onnx' : !directory.parts.has(part)) continue
    const weights = await directory.open(part, specs[part], bits ? { ...options, bits } : options)
    // The encoder is bound by arithmetic, so it is repacked even where that takes a second copy.
    opened[part] = part === 'vision' ? { ...weights, prepack: true } : weights
  }
  return opened
}
