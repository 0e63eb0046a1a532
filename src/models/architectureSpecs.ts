import { Graph, type Tensor } from '../graph/index.js'
import { type ParameterSpec, Scope } from '../nn/scope.js'
import {
  type BridgeConfig,
  decodeText,
  encodePrefix,
  joint,
  type LanguageConfig,
  OPT_MODEL,
  queryImage,
  softPrompt,
  softPromptT5,
  T5_MODEL,
  visionNorm,
} from './blip2.js'
import { type AnyEncoderConfig, IMAGE_ENCODER, type VisionConfig, vit } from './imageEncoder.js'
import { type OptConfig, optHead } from './opt.js'
import { type T5Config, t5Decode, t5Head } from './t5.js'

/** A whole model of stage 2: any image encoder, any language model, and what is trained between them. */
export interface Architecture<Vision = VisionConfig> extends BridgeConfig {
  readonly vision: Vision
  readonly language: LanguageConfig
  /** The Q-Former reads questions, so it has its text side. Default false. */
  readonly questionToQFormer?: boolean
}

/** The same with an encoder that may be an ONNX file, whose weights are its own. */
export type AnyArchitecture = Architecture<AnyEncoderConfig<VisionConfig>>

export interface ArchitectureSpecs {
  /** The frozen image encoder; empty where it is an ONNX file. */
  readonly vision: ReadonlyMap<string, ParameterSpec>
  /** What stage 2 trains: queries, Q-Former without its text side (unless it reads questions), LayerNorm and projection. */
  readonly bridge: ReadonlyMap<string, ParameterSpec>
  /** The frozen language model. */
  readonly language: ReadonlyMap<string, ParameterSpec>
}

/** Every weight of a model with its shape. The model is drawn and nothing else, so its size does not matter. */
export function architectureSpecs(config: AnyArchitecture): ArchitectureSpecs {
  const { specs } = drawArchitecture(config)
  const isOf = (scope: string) => (name: string) => name.startsWith(`${scope}.`)
  const isVision = isOf(IMAGE_ENCODER)
  const isLanguage = isOf(config.language.kind === 'opt' ? OPT_MODEL : T5_MODEL)
  const where = (holds: (name: string) => boolean) => new Map([...specs].filter(([name]) => holds(name)))
  return {
    vision: where(isVision),
    bridge: where((name) => !isVision(name) && !isLanguage(name)),
    language: where(isLanguage),
  }
}

/** The whole model over one picture and one token. -> the root scope */
export function drawArchitecture(config: AnyArchitecture): Scope {
  const p = new Scope(new Graph())
  drawVision(p, config)
  const {
    vision: { width },
    language,
  } = config
  // Sizes of the batch do not matter.
  const features = p.graph.input('features', 'float32', [1, 1, width])
  const image = visionNorm(p, config, features)
  const { ids, mask } = text(p.graph, 'question ')
  const queryOutput = config.questionToQFormer
    ? joint(p, config, image, ids, mask)
    : queryImage(p, config, image).output
  if (language.kind === 'opt') drawOpt(p, config, language, queryOutput)
  else drawT5(p, config, language, queryOutput)
  return p
}

export const parameterCount = (specs: ReadonlyMap<string, Pick<ParameterSpec, 'shape'>>): number =>
  [...specs.values()].reduce((total, { shape }) => total + shape.reduce((product, size) => product * size, 1), 0)

function drawVision(p: Scope, { vision }: AnyArchitecture): void {
  if (vision.kind !== 'onnx')
    vit(p, vision, p.graph.input('images', 'float32', [1, 3, vision.imageSize, vision.imageSize]))
}

function drawOpt(p: Scope, bridge: BridgeConfig, language: OptConfig, queryOutput: Tensor): void {
  const config = { ...bridge, language }
  const { ids, mask } = text(p.graph)
  const { output } = decodeText(p, config, softPrompt(p, config, queryOutput), ids, mask)
  optHead(p.in(OPT_MODEL), language, output)
}

function drawT5(p: Scope, bridge: BridgeConfig, language: T5Config, queryOutput: Tensor): void {
  const config = { ...bridge, language }
  const { ids, mask } = text(p.graph)
  const prefix = encodePrefix(p, config, softPromptT5(p, config, queryOutput), ids, mask)
  const model = p.in(T5_MODEL)
  const decoded = t5Decode(model, language, { ids, mask, encoded: prefix.encoded, encodedMask: prefix.mask })
  t5Head(model, language, decoded.output)
}

const text = (graph: Graph, of = '') => ({
  ids: graph.input(`${of}ids`, 'int64', [1, 1]),
  mask: graph.input(`${of}mask`, 'int64', [1, 1]),
})
