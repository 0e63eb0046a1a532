import type { Graph, Tensor } from '../../graph/graph.js'
import { add, crossEntropy, matmul, mul, normalize, quickGelu, reshape, slice } from '../../graph/index.js'
import { type ClipVitConfig, clipVit } from '../../models/vit.js'
import { attend, mergeHeads, splitHeads } from '../../nn/attention.js'
import { layerNorm, linear } from '../../nn/layers.js'
import { normal, Scope } from '../../nn/scope.js'

export interface VisionObjectiveOptions {
  readonly batch: number
  /** Concepts that are told apart. */
  readonly concepts: number
  /** Coarser classes of the same pictures: a second, easier target. */
  readonly groups: number
  /** Part of the group term in the loss. */
  readonly groupWeight: number
  /** Cosines are multiplied by this before the softmax. */
  readonly scale: number
  readonly labelSmoothing: number
}

/** The training head's scope; it is dropped when the encoder is frozen. */
export const VISION_HEAD = 'head'
export const VISION_ENCODER = 'visual_encoder'

/**
 * Tells the drawn concepts apart by the cosine between a picture's vector and one learned vector per concept, whoever
 * drew it: no text is involved. Inputs: 'images' [batch, 3, size, size], 'concepts' and 'groups' int64 [batch].
 */
export function visionObjective(graph: Graph, config: ClipVitConfig, options: VisionObjectiveOptions) {
  const { batch, concepts, groups, groupWeight, scale, labelSmoothing } = options
  const p = new Scope(graph)
  const images = graph.input('images', 'float32', [batch, 3, config.imageSize, config.imageSize])
  const vectors = pictureVectors(p, config, clipVit(p.in(VISION_ENCODER), config, images).output)
  const term = (name: string, classes: number) => {
    const centres = normalize(p.in(VISION_HEAD).parameter(`${name}.weight`, [classes, config.width], normal(1)))
    const logits = matmul(vectors, centres, { transposeB: true, alpha: scale })
    return crossEntropy(logits, graph.input(name, 'int64', [batch]), { labelSmoothing })
  }
  const concept = term('concepts', concepts)
  const group = term('groups', groups)
  return { scope: p, loss: add(concept, mul(group, groupWeight)), concept, group, vectors }
}

/**
 * A unit vector for each picture. The last layer runs for the class token alone and goes with the head: what it does
 * to the patches would never be trained, which is why BLIP-2 reads the layer before it (paper 3.1).
 * tokens: [batch, 1 + patches, width] -> [batch, width]
 */
export function pictureVectors(p: Scope, config: ClipVitConfig, tokens: Tensor): Tensor {
  const { width, heads, feedForward, layerNormEpsilon } = config
  const head = p.in(VISION_HEAD)
  const std = width ** -0.5
  const batch = tokens.size(0) as number
  const classToken = slice(tokens, 1, 0, 1)
  const normal = layerNorm(head.in('ln_1'), tokens, layerNormEpsilon)
  const project = (name: string, from: Tensor) => splitHeads(linear(head.in(name), from, width, { std }), heads)
  const { output } = attend(project('query', slice(normal, 1, 0, 1)), project('key', normal), project('value', normal))
  const attended = add(classToken, linear(head.in('out'), mergeHeads(output), width, { std }))
  const inner = quickGelu(linear(head.in('fc'), layerNorm(head.in('ln_2'), attended, layerNormEpsilon), feedForward))
  const final = add(attended, linear(head.in('proj'), inner, width))
  return normalize(
    linear(head.in('projection'), reshape(layerNorm(head.in('ln_3'), final, layerNormEpsilon), [batch, width]), width, {
      std,
    }),
  )
}
