import { parameterCount } from '../../models/architectureSpecs.js'
import { patchCount } from '../../models/vit.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import { partSpecs } from '../partSpecs.js'

export type Stage = 'stage1' | 'stage2'

/** What a training is estimated for. */
export interface EstimatedTraining {
  readonly stage: Stage
  readonly config: ModelConfig
  readonly batch: number
  readonly steps: number
  /** Passes of a step (default 1). */
  readonly accumulate: number
  /** Layers are computed again in the backward pass. */
  readonly recompute: boolean
}

/** Bytes by what they are for. */
export type Bytes = Readonly<Record<string, number>>

export interface TrainingEstimate {
  readonly parameters: { readonly vision: number; readonly trained: number; readonly language: number }
  /** Bytes in memory of one process that has the whole batch. */
  readonly memory: Bytes
  /** Bytes of memory that do not become less with more passes. */
  readonly fixedMemory: number
  /** Bytes that a run writes. */
  readonly disk: Bytes
  /** Floating-point operations of the whole run. */
  readonly operations: number
}

const FLOAT = 4
const HALF = 2
/** Value, gradient and two moments. */
const TRAINED_FLOATS = 4
/** A checkpoint holds values and moments; two are there while the next one is written. */
const CHECKPOINT_FLOATS = 3
const CHECKPOINTS = 2

/**
 * What a training takes here: weights in float32, matrix products as written in the paper. Activations are what the
 * gradients read, counted by layer, so the figures are good to about a third.
 */
export function estimateTraining(training: EstimatedTraining): TrainingEstimate {
  const { stage, config, batch, steps, accumulate, recompute } = training
  const specs = partSpecs(config)
  const parameters = {
    vision: parameterCount(specs.vision),
    trained: parameterCount(specs[stage]),
    language: stage === 'stage2' ? parameterCount(specs.language) : 0,
  }
  const pass = Math.ceil(batch / accumulate)
  const layers = layersOf(stage, config)
  const kept = layers.filter(({ trained }) => trained)
  const memory = {
    'frozen weights': FLOAT * (parameters.vision + parameters.language),
    'trained weights, gradients, moments': FLOAT * TRAINED_FLOATS * parameters.trained,
    'features of the encoder': FLOAT * batch * tokensOf(config) * config.vision.width,
    'working memory of the encoder': FLOAT * pass * encoderLayer(config).floats,
    'activations for the gradients': FLOAT * pass * (recompute ? recomputed(kept) : sum(kept, ({ floats }) => floats)),
  }
  const fixedMemory =
    memory['frozen weights'] + memory['trained weights, gradients, moments'] + memory['features of the encoder']
  return {
    parameters,
    memory,
    fixedMemory,
    disk: {
      checkpoints: FLOAT * CHECKPOINT_FLOATS * CHECKPOINTS * parameters.trained,
      'the finished model': HALF * (parameters.vision + parameters.trained + parameters.language),
    },
    operations: batch * steps * sum(layers, ({ operations }) => operations),
  }
}

export const total = (bytes: Bytes): number => Object.values(bytes).reduce((sum, value) => sum + value, 0)

/** A layer over one sample. */
interface Layer {
  /** Values that its gradients read. */
  readonly floats: number
  /** Of its input, which is all that is kept where layers are computed again. */
  readonly input: number
  /** Operations of a training step. */
  readonly operations: number
  /** Whether gradients pass through it. */
  readonly trained: boolean
}

interface Sizes {
  readonly width: number
  readonly feedForward: number
  readonly heads: number
}

/** Forward and backward are three times the forward pass; where the weights are frozen, two. */
const PASSES = { none: 1, frozen: 2, trained: 3 } as const

function layer(
  { width, feedForward, heads }: Sizes,
  tokens: number,
  keys: number,
  gradients: keyof typeof PASSES,
): Layer {
  const products = 4 * width * width + 2 * width * feedForward
  return {
    // Inputs, norms, queries, keys, values, projections; the feed-forward layer three times; scores and probabilities.
    floats: tokens * (12 * width + 3 * feedForward) + 2 * heads * tokens * keys,
    input: tokens * width,
    operations: PASSES[gradients] * (2 * tokens * products + 4 * tokens * keys * width),
    trained: gradients !== 'none',
  }
}

/** Queries asking the picture, whose keys and values are computed from all its tokens. */
function crossAttention({ qformer, vision }: ModelConfig, tokens: number): Layer {
  const { width, heads, queries } = qformer
  return {
    floats: 4 * queries * width + 2 * tokens * width + 2 * heads * queries * tokens,
    input: 0,
    operations:
      PASSES.trained * (4 * queries * width * width + 4 * tokens * vision.width * width + 4 * queries * tokens * width),
    trained: true,
  }
}

const times = (count: number, one: Layer): Layer[] => Array.from({ length: count }, () => one)

/** Scores over a vocabulary, with what their softmax keeps. */
const head = (tokens: number, width: number, vocabulary: number, gradients: keyof typeof PASSES): Layer => ({
  floats: 2 * tokens * vocabulary,
  input: tokens * width,
  operations: PASSES[gradients] * 2 * tokens * width * vocabulary,
  trained: true,
})

const tokensOf = ({ vision }: ModelConfig): number => 1 + patchCount(vision)

const encoderLayer = (config: ModelConfig): Layer => layer(config.vision, tokensOf(config), tokensOf(config), 'none')

/** Every layer that a sample goes through in a step. */
function layersOf(stage: Stage, config: ModelConfig): Layer[] {
  const { qformer, vision, text } = config
  const [patches, words, { queries }] = [tokensOf(config), text.maxTokens, qformer]
  const bert = (tokens: number, keys: number) => times(qformer.layers, layer(qformer, tokens, keys, 'trained'))
  const crossed = times(Math.ceil(qformer.layers / qformer.crossAttentionEvery), crossAttention(config, patches))
  const encoder = times(vision.layers, encoderLayer(config))
  const picture = [...bert(queries, queries), ...crossed]
  if (stage === 'stage2') return [...encoder, ...picture, ...languageLayers(config, queries, words)]
  const joint = [...bert(queries + words, queries + words), ...crossed]
  return [
    ...encoder,
    ...picture,
    ...bert(words, words),
    // A positive pair and two negatives (paper 3.2, ITM).
    ...joint,
    ...joint,
    ...joint,
    // The text after the queries (ITG).
    ...bert(words, queries + words),
    head(words, qformer.width, qformer.vocabularySize, 'trained'),
  ]
}

function languageLayers({ language }: ModelConfig, queries: number, words: number): Layer[] {
  const frozen = (sizes: Sizes, tokens: number, keys: number) => layer(sizes, tokens, keys, 'frozen')
  if (language.kind === 'opt') {
    const tokens = queries + words
    return [
      ...times(language.layers, frozen(language, tokens, tokens)),
      head(words, language.width, language.vocabularySize, 'frozen'),
    ]
  }
  // A gated feed-forward layer has three products; half of the text is the prefix, half the rest (paper 3.3).
  const sizes = { ...language, feedForward: 1.5 * language.feedForward }
  const [prefix, suffix] = [queries + words / 2, words / 2]
  return [
    ...times(language.encoderLayers, frozen(sizes, prefix, prefix)),
    ...times(2 * language.decoderLayers, frozen(sizes, suffix, prefix)),
    head(suffix, language.width, language.vocabularySize, 'frozen'),
  ]
}

/** The inputs of all layers, and the largest layer whole. */
const recomputed = (layers: readonly Layer[]): number =>
  sum(layers, ({ input }) => input) + Math.max(...layers.map(({ floats }) => floats))

const sum = (layers: readonly Layer[], value: (one: Layer) => number): number =>
  layers.reduce((total, one) => total + value(one), 0)
