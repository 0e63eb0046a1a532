import { backward, Graph, type Tensor } from '../graph/index.js'
import { liveBytes, tensorBytes } from '../graph/liveBytes.js'
import { type Architecture, parameterCount } from '../models/architectureSpecs.js'
import { OPT_MODEL, T5_MODEL } from '../models/blip2.js'
import { vit } from '../models/imageEncoder.js'
import { PAPER_EMBEDDING_WIDTH } from '../models/presets.js'
import { patchCount } from '../models/vit.js'
import { type ParameterSpec, Scope } from '../nn/scope.js'
import type { Stage } from '../train/recipes/trainingEstimate.js'
import { stage1 } from '../train/objectives/stage1.js'
import { stage2 } from '../train/objectives/stage2.js'
import { stage2T5 } from '../train/objectives/stage2T5.js'

export interface TrainingOptions {
  readonly stage: Stage
  readonly batch: number
  /** Layers are computed again in the backward pass. Default false. */
  readonly recompute?: boolean
}

export interface TrainingMemory {
  readonly trainedParameters: number
  /** Values, gradients and two moments of what is trained. */
  readonly optimizer: number
  /** The frozen components, read and as the runtime holds them. */
  readonly frozen: number
  /** What the encoder's run over a batch holds, and what it gives. */
  readonly encoder: number
  /** What a step holds between its forward and its backward pass, and what it gives. */
  readonly step: number
  /** Node, the runtime and this package. */
  readonly program: number
  readonly peak: number
}

/** Text of a caption in training. */
const TOKENS = 32
const FLOAT = 4
/** Value, gradient and two moments. */
const OPTIMIZER_BYTES = 16
/** Read once, and once as the runtime keeps them. */
const FROZEN_COPIES = 2
/** Assumed: Node with this package, the runtime and a reader of pictures. */
const PROGRAM_BYTES = 300e6

/** What training a stage takes, from the sizes alone: the step is drawn with its gradients and its values are counted. */
export function trainingMemory(
  config: Architecture & { readonly embeddingWidth?: number; readonly text?: { readonly maxTokens: number } },
  { stage, batch, recompute = false }: TrainingOptions,
): TrainingMemory {
  const patches = 1 + patchCount(config.vision)
  const encoder = encoderWork(config, batch)
  const { loss, specs } = drawStep(config, stage, batch, patches)
  const isFrozen = (name: string) => name.startsWith(`${OPT_MODEL}.`) || name.startsWith(`${T5_MODEL}.`)
  const trained = new Map([...specs].filter(([name]) => !isFrozen(name)))
  const weights = [...trained.keys()].map((name) => loss.graph.parameters.get(name)!)
  const gradients = [...backward(loss, weights, { recompute }).values()]
  // Dense gradients are written where the optimiser has them; rows of tables are handed over.
  const rows = gradients.flatMap((gradient) => gradient.rows.map(({ values }) => values))
  const outputs = [loss, ...rows, ...gradients.flatMap(({ dense }) => (dense ? [dense] : []))]
  const step = liveBytes(outputs) + bytesOf(rows)
  const trainedParameters = parameterCount(trained)
  const frozenParameters = encoder.parameters + parameterCount(specs) - trainedParameters
  const optimizer = OPTIMIZER_BYTES * trainedParameters
  const frozen = FROZEN_COPIES * FLOAT * frozenParameters
  return {
    trainedParameters,
    optimizer,
    frozen,
    encoder: encoder.bytes,
    step,
    program: PROGRAM_BYTES,
    // The arenas of both graphs stay, as large as they have been.
    peak: optimizer + frozen + encoder.bytes + step + PROGRAM_BYTES,
  }
}

function encoderWork({ vision }: Architecture, batch: number) {
  const p = new Scope(new Graph())
  const images = p.graph.input('images', 'float32', [batch, 3, vision.imageSize, vision.imageSize])
  const { output } = vit(p, vision, images)
  return {
    parameters: parameterCount(p.specs),
    bytes: liveBytes([output]) + tensorBytes(output) + tensorBytes(images),
  }
}

function drawStep(
  config: Parameters<typeof trainingMemory>[0],
  stage: Stage,
  batch: number,
  patches: number,
): { readonly loss: Tensor; readonly specs: ReadonlyMap<string, ParameterSpec> } {
  const { language, embeddingWidth = PAPER_EMBEDDING_WIDTH, text } = config
  const tokens = text?.maxTokens ?? TOKENS
  const graph = new Graph()
  if (stage === 'stage1') {
    const decoderToken = config.qformer.vocabularySize - 1
    const options = { batch, patches, tokens, decoderToken, padToken: 0, itcGradient: 'full' } as const
    const { loss, scope } = stage1(graph, { ...config, embeddingWidth }, options)
    return { loss, specs: scope.specs }
  }
  if (language.kind === 'opt') {
    const { loss, scope } = stage2(graph, { ...config, language }, { batch, patches, tokens })
    return { loss, specs: scope.specs }
  }
  const sizes = { batch, patches, inputTokens: tokens, outputTokens: tokens }
  const { loss, scope } = stage2T5(graph, { ...config, language }, sizes)
  return { loss, specs: scope.specs }
}

const bytesOf = (tensors: readonly Tensor[]): number => tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
