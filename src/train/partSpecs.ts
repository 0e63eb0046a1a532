import { Graph } from '../graph/index.js'
import { architectureSpecs } from '../models/architectureSpecs.js'
import { featureTokens, imageFeatures } from '../models/imageEncoder.js'
import { type ParameterSpec, Scope } from '../nn/scope.js'
import type { ModelConfig, ModelPart } from '../weights/modelDirectory.js'
import { stage1 } from './objectives/stage1.js'

/** The weights each file of a model directory holds. */
export function partSpecs(config: ModelConfig): Record<ModelPart, ReadonlyMap<string, ParameterSpec>> {
  const { bridge, language } = architectureSpecs(config)
  return { vision: visionSpecs(config), stage1: firstStageSpecs(config), stage2: bridge, language }
}

// Drawing a model declares its weights; the batch does not matter, but negatives need two rows.
const BATCH = 2

/** Of the frozen image encoder alone; none where it is an ONNX file. */
export function visionSpecs({ vision }: Pick<ModelConfig, 'vision'>): ReadonlyMap<string, ParameterSpec> {
  const graph = new Graph()
  const p = new Scope(graph)
  if (vision.kind !== 'onnx')
    imageFeatures(p, vision, graph.input('images', 'float32', [BATCH, 3, vision.imageSize, vision.imageSize]))
  return p.specs
}

const firstStageSpecs = (config: ModelConfig) =>
  stage1(new Graph(), config, {
    batch: BATCH,
    patches: featureTokens(config.vision),
    tokens: config.text.maxTokens,
    decoderToken: config.text.decoderToken,
    padToken: config.text.padToken,
    itcGradient: 'full',
  }).scope.specs
