import type { Graph, Tensor } from '../../graph/graph.js'
import {
  add,
  and,
  crossEntropy,
  div,
  matmul,
  mean,
  mul,
  normalize,
  not,
  reshape,
  sqrt,
  sub,
  where,
} from '../../graph/index.js'
import { type ClipVitConfig, clipVit } from '../../models/vit.js'
import { layerNorm, linear } from '../../nn/layers.js'
import { normal, Scope } from '../../nn/scope.js'
import { sameIds } from '../objectives/itc.js'

/** What pictures are told apart by; how many classes each target has. */
export const VISION_TARGETS = ['concepts', 'groups', 'tones'] as const
export type VisionTarget = (typeof VISION_TARGETS)[number]

export interface VisionObjectiveOptions {
  /** Pictures of a batch: the second half are other drawings of what the first half shows, in the same order. */
  readonly batch: number
  readonly classes: Readonly<Record<VisionTarget, number>>
  /** Part of each target in the loss. */
  readonly weights: Readonly<Record<VisionTarget | 'pairs', number>>
  /** Cosines are multiplied by this before the softmax. */
  readonly scale: number
  readonly labelSmoothing: number
}

// Only the direction of a centre counts; a short one turns quickly at the learning rate of the other weights.
const CENTRE_STD = 0.05

/** The training head's scope; it is dropped when the encoder is frozen. */
export const VISION_HEAD = 'head'
export const VISION_ENCODER = 'visual_encoder'

/**
 * Two ways to tell what is drawn, whoever drew it, without any text: the cosine with one learned vector per class, and
 * the cosine with another vendor's drawing of the same thing among all drawings of the batch.
 * Inputs: 'images' [batch, 3, size, size], and int64 [batch] for each target.
 */
export function visionObjective(graph: Graph, config: ClipVitConfig, options: VisionObjectiveOptions) {
  const { batch, classes, weights, scale, labelSmoothing } = options
  const p = new Scope(graph)
  const images = graph.input('images', 'float32', [batch, 3, config.imageSize, config.imageSize])
  const tokens = clipVit(p.in(VISION_ENCODER), config, images).output
  const vectors = standardizedUnits(pictureVectors(p, config, tokens))
  const labels = (target: VisionTarget) => graph.input(target, 'int64', [batch])
  const terms: Record<string, Tensor> = { pairs: pairLoss(vectors, labels('concepts'), scale) }
  for (const target of VISION_TARGETS) {
    const shape = [classes[target], config.width]
    const centres = normalize(p.in(VISION_HEAD).parameter(`${target}.weight`, shape, normal(CENTRE_STD)))
    const logits = matmul(vectors, centres, { transposeB: true, alpha: scale })
    terms[target] = crossEntropy(logits, labels(target), { labelSmoothing })
  }
  const [first, ...others] = Object.entries(terms).map(([name, term]) => mul(term, weights[name as VisionTarget]))
  return { scope: p, loss: others.reduce((total, term) => add(total, term), first!), terms, vectors }
}

/** Cross-entropy of finding the other drawing of the same thing in the batch. vectors: [batch, width] -> [] */
function pairLoss(vectors: Tensor, concepts: Tensor, scale: number): Tensor {
  const batch = vectors.size(0) as number
  const partner = vectors.graph.integers(Array.from({ length: batch }, (_, row) => (row + batch / 2) % batch))
  const positions = vectors.graph.integers(Array.from({ length: batch }, (_, row) => row))
  // The picture itself, and further drawings of its concept, are no negatives.
  const excluded = and(sameIds(concepts, concepts), not(sameIds(partner, positions)))
  const similarity = matmul(vectors, vectors, { transposeB: true, alpha: scale })
  return crossEntropy(where(excluded, -10_000, similarity), partner)
}

/** Values that each token gives to the picture's vector. */
const REDUCED = 32

/**
 * A vector for each picture, from all tokens at their places: where things lie in a drawing says much of what it is,
 * and every patch is trained for what it shows. The head is dropped when the encoder is frozen.
 * tokens: [batch, 1 + patches, width] -> [batch, width]
 */
export function pictureVectors(p: Scope, { width, layerNormEpsilon }: ClipVitConfig, tokens: Tensor): Tensor {
  const head = p.in(VISION_HEAD)
  const [batch, count] = tokens.shape as [number, number]
  const normal = layerNorm(head.in('norm'), tokens, layerNormEpsilon)
  const reduced = linear(head.in('reduce'), normal, REDUCED, { std: width ** -0.5 })
  const flat = reshape(reduced, [batch, count * REDUCED])
  return linear(head.in('projection'), flat, width, { std: (count * REDUCED) ** -0.5 })
}

const VARIANCE_EPSILON = 1e-5

/**
 * Unit vectors, after each value has got mean 0 and variance 1 over the batch. What all pictures share would otherwise
 * fill the vectors, and learning would begin with a long plateau (docs/log.md). x: [batch, width]
 */
export function standardizedUnits(x: Tensor): Tensor {
  const centred = sub(x, mean(x, [0], true))
  const variance = mean(mul(centred, centred), [0], true)
  return normalize(div(centred, sqrt(add(variance, VARIANCE_EPSILON))))
}
