import { backward, Graph, type Tensor } from '../../graph/index.js'
import type { AnyArchitecture } from '../../models/architectureSpecs.js'
import { OPT_MODEL, T5_MODEL } from '../../models/blip2.js'
import { featureTokens, vit } from '../../models/imageEncoder.js'
import { PAPER_EMBEDDING_WIDTH } from '../../models/presets.js'
import { type ParameterSpec, Scope } from '../../nn/scope.js'
import { type Stage1Options, stage1 } from '../objectives/stage1.js'
import { stage1Rank, stage1Vectors } from '../objectives/stage1Rank.js'
import { stage2 } from '../objectives/stage2.js'
import { stage2T5 } from '../objectives/stage2T5.js'

export type Stage = 'stage1' | 'stage2'

/** A model that a stage may train; the paper's width of embeddings and length of texts where it does not say. */
export type TrainedArchitecture = AnyArchitecture & {
  readonly embeddingWidth?: number
  readonly text?: { readonly maxTokens: number }
}

export interface DrawingOptions {
  readonly stage: Stage
  /** Pictures of a step. */
  readonly batch: number
  /** Passes that a step takes them in (default 1). */
  readonly accumulate?: number
  /** Layers are computed again in the backward pass. Default false. */
  readonly recompute?: boolean
  /** Captions of stage 1 besides the batch's own (default 0). */
  readonly distractors?: number
}

/** The graphs of a training as they would be run, with every size known; no weight is there. */
export interface DrawnTraining {
  /** Of a pass. */
  readonly encoder: { readonly images: Tensor; readonly features: Tensor }
  /** Of a pass over stage 1's pictures and texts without gradients; undefined where one pass does it all. */
  readonly vectors: readonly Tensor[] | undefined
  /** Of a pass: the loss, the gradients, and among them the rows of tables, which are handed over. */
  readonly step: { readonly outputs: readonly Tensor[]; readonly rows: readonly Tensor[] }
  readonly specs: Readonly<Record<'vision' | 'trained' | 'language', ReadonlyMap<string, ParameterSpec>>>
}

/** Text of a caption in training (authors' code). */
const TOKENS = 32

export function drawTraining(
  config: TrainedArchitecture,
  { stage, batch, accumulate = 1, recompute = false, distractors = 0 }: DrawingOptions,
): DrawnTraining {
  const pass = Math.ceil(batch / accumulate)
  const { specs: vision, ...encoder } = drawEncoder(config, pass)
  const { loss, specs, vectors } =
    stage === 'stage1' ? drawStage1(config, pass, accumulate, distractors) : drawStage2(config, pass)
  const trained = where(specs, (name) => !isLanguage(name))
  const weights = [...trained.keys()].map((name) => loss.graph.parameters.get(name)!)
  const gradients = [...backward(loss, weights, { recompute }).values()]
  const rows = gradients.flatMap((gradient) => gradient.rows.map(({ values }) => values))
  const dense = gradients.flatMap((gradient) => (gradient.dense ? [gradient.dense] : []))
  return {
    encoder,
    vectors,
    step: { outputs: [loss, ...rows, ...dense], rows },
    specs: { vision, trained, language: where(specs, isLanguage) },
  }
}

function drawEncoder({ vision }: TrainedArchitecture, batch: number) {
  const p = new Scope(new Graph())
  const images = p.graph.input('images', 'float32', [batch, 3, vision.imageSize, vision.imageSize])
  // What an ONNX file computes is not known here.
  const features =
    vision.kind === 'onnx'
      ? p.graph.input('features', 'float32', [batch, vision.tokens, vision.width])
      : vit(p, vision, images).output
  return { images, features, specs: p.specs }
}

interface DrawnStep {
  readonly loss: Tensor
  readonly specs: ReadonlyMap<string, ParameterSpec>
  readonly vectors?: readonly Tensor[]
}

function drawStage1(config: TrainedArchitecture, batch: number, passes: number, distractors: number): DrawnStep {
  const { embeddingWidth = PAPER_EMBEDDING_WIDTH, qformer } = config
  const model = { ...config, embeddingWidth }
  const options: Stage1Options = {
    batch,
    ...textSizes(config),
    decoderToken: qformer.vocabularySize - 1,
    padToken: 0,
    itcGradient: 'full',
    imageIds: true,
  }
  if (passes === 1) {
    const { loss, scope } = stage1(new Graph(), model, { ...options, distractors })
    return { loss, specs: scope.specs }
  }
  // A pass is compared with the vectors of all, as a rank is.
  const rank = { ...options, distractors, rank: 0, ranks: passes }
  const { vectors } = stage1Vectors(new Graph(), model, rank)
  const { loss, scope } = stage1Rank(new Graph(), model, rank)
  return { loss, specs: scope.specs, vectors: Object.values(vectors) }
}

function drawStage2(config: TrainedArchitecture, batch: number): DrawnStep {
  const { language } = config
  const { patches, tokens } = textSizes(config)
  const { loss, scope } =
    language.kind === 'opt'
      ? stage2(new Graph(), { ...config, language }, { batch, patches, tokens })
      : stage2T5(new Graph(), { ...config, language }, { batch, patches, inputTokens: tokens, outputTokens: tokens })
  return { loss, specs: scope.specs }
}

const textSizes = ({ vision, text }: TrainedArchitecture) => ({
  patches: featureTokens(vision),
  tokens: text?.maxTokens ?? TOKENS,
})

const isLanguage = (name: string): boolean => name.startsWith(`${OPT_MODEL}.`) || name.startsWith(`${T5_MODEL}.`)

const where = <T>(from: ReadonlyMap<string, T>, holds: (name: string) => boolean): ReadonlyMap<string, T> =>
  new Map([...from].filter(([name]) => holds(name)))
