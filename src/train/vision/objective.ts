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
  split,
  sqrt,
  sub,
  where,
} from '../../graph/index.js'
import { IMAGE_ENCODER } from '../../models/imageEncoder.js'
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
  /** Part of what is asked of the class token alone, in relation to what is asked of all tokens. */
  readonly classToken: number
  /** Cosines are multiplied by this before the softmax. */
  readonly scale: number
  readonly labelSmoothing: number
}

// Only the direction of a centre counts; a short one turns quickly at the learning rate of the other weights.
const CENTRE_STD = 0.05

/** The training head's scope; it is dropped when the encoder is frozen. */
export const VISION_HEAD = 'head'

/**
 * Two ways to tell what is drawn, whoever drew it, without any text: the cosine with one learned vector per class, and
 * the cosine with another vendor's drawing of the same thing among all drawings of the batch. Both are asked of all
 * tokens at their places, and of the class token alone: the Querying Transformer finds there what the picture shows.
 * Inputs: 'images' [batch, 3, size, size], and int64 [batch] for each target.
 */
export function visionObjective(graph: Graph, config: ClipVitConfig, options: VisionObjectiveOptions) {
  const p = new Scope(graph)
  const images = graph.input('images', 'float32', [options.batch, 3, config.imageSize, config.imageSize])
  const tokens = clipVit(p.in(IMAGE_ENCODER), config, images).output
  const placed = recognition(p.in(VISION_HEAD).in('placed'), pictureVectors(p, config, tokens), options)
  const classed = recognition(p.in(VISION_HEAD).in('class'), classVectors(p, config, tokens), options)
  const terms = {
    ...placed.terms,
    ...Object.fromEntries(Object.entries(classed.terms).map(([name, term]) => [`class_${name}`, term])),
  }
  return { scope: p, loss: add(placed.loss, mul(classed.loss, options.classToken)), terms, vectors: placed.vectors }
}

/** The losses of one kind of picture vectors. x: [batch, width] */
function recognition(p: Scope, x: Tensor, { classes, weights, scale, labelSmoothing }: VisionObjectiveOptions) {
  const [batch, width] = x.shape as [number, number]
  const vectors = standardizedUnits(x)
  const labels = (target: VisionTarget) => x.graph.input(target, 'int64', [batch])
  const terms: Record<string, Tensor> = { pairs: pairLoss(vectors, labels('concepts'), scale) }
  for (const target of VISION_TARGETS) {
    const centres = normalize(p.parameter(`${target}.weight`, [classes[target], width], normal(CENTRE_STD)))
    const logits = matmul(vectors, centres, { transposeB: true, alpha: scale })
    terms[target] = crossEntropy(logits, labels(target), { labelSmoothing })
  }
  const [first, ...others] = Object.entries(terms).map(([name, term]) => mul(term, weights[name as VisionTarget]))
  return { vectors, terms, loss: others.reduce((total, term) => add(total, term), first!) }
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

/** A vector for each picture from its class token alone. tokens: [batch, 1 + patches, width] -> [batch, width] */
function classVectors(p: Scope, { width, layerNormEpsilon }: ClipVitConfig, tokens: Tensor): Tensor {
  const head = p.in(VISION_HEAD).in('class')
  const [batch, count] = tokens.shape as [number, number]
  const [classToken] = split(tokens, 1, [1, count - 1]) as [Tensor, Tensor]
  const normal = layerNorm(head.in('norm'), reshape(classToken, [batch, width]), layerNormEpsilon)
  return linear(head.in('projection'), normal, width, { std: width ** -0.5 })
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
