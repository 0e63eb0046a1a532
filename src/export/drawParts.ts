import type { Graph, Tensor } from '../graph/index.js'
import { drawOptPrefill, drawOptStep } from '../generate/optDecoder.js'
import { drawT5Prefill, drawT5Step } from '../generate/t5Decoder.js'
import { queryImage, softPromptOf, visionNorm } from '../models/blip2.js'
import { featureTokens, imageFeatures, requireDrawn } from '../models/imageEncoder.js'
import { Scope } from '../nn/scope.js'
import type { ModelConfig, ModelPart } from '../weights/modelDirectory.js'

/** The graphs of an exported model, in the order in which a caption needs them. */
export const EXPORTED = ['vision', 'qformer', 'prefill', 'decode'] as const
export type Exported = (typeof EXPORTED)[number]

export interface PartDrawing {
  /** Whose weights it reads. */
  readonly part: ModelPart
  readonly draw: (graph: Graph) => Readonly<Record<string, Tensor>>
}

/** Pictures that the encoder and the Q-Former take at a time; the language model takes any number of rows. */
const PICTURES = 1

/** @param promptTokens tokens between the soft prompt and the text, padding included */
export const partDrawings = (config: ModelConfig, promptTokens: number): Record<Exported, PartDrawing> => ({
  vision: { part: 'vision', draw: (graph) => drawVision(graph, config) },
  qformer: { part: 'stage2', draw: (graph) => drawQFormer(graph, config) },
  prefill: { part: 'language', draw: (graph) => drawPrefill(graph, config, promptTokens) },
  decode: { part: 'language', draw: (graph) => drawDecode(graph, config) },
})

function drawVision(graph: Graph, { vision }: ModelConfig) {
  const images = graph.input('images', 'float32', [PICTURES, 3, vision.imageSize, vision.imageSize])
  return { features: imageFeatures(new Scope(graph), requireDrawn(vision, 'an export'), images) }
}

function drawQFormer(graph: Graph, config: ModelConfig) {
  const p = new Scope(graph)
  const shape = [PICTURES, featureTokens(config.vision), config.vision.width]
  const features = graph.input('features', 'float32', shape)
  const { output } = queryImage(p, config, visionNorm(p, config, features))
  return { prompt: softPromptOf(p, config, config.language, output) }
}

function drawPrefill(graph: Graph, { language, qformer: { queries } }: ModelConfig, tokens: number) {
  if (language.kind === 'opt') return drawOptPrefill(graph, language, queries, tokens)
  return drawT5Prefill(graph, language, queries, tokens)
}

const drawDecode = (graph: Graph, { language }: ModelConfig) =>
  language.kind === 'opt' ? drawOptStep(graph, language) : drawT5Step(graph, language)
