import type { Tensor } from '../graph/graph.js'
import {
  add,
  concat,
  expandBatch,
  linear as gLinear,
  patchConvolution,
  quickGelu,
  reshape,
  split,
  transpose,
} from '../graph/index.js'
import { attend, mergeHeads } from '../nn/attention.js'
import { layerNorm, linear } from '../nn/layers.js'
import { normal, type Scope, zeros } from '../nn/scope.js'

/** Sizes of a vision transformer. */
export interface VitConfig {
  /** Side of the square picture in pixels: 224, or 364 and 490 for fine-tuning. */
  readonly imageSize: number
  readonly patchSize: number
  readonly width: number
  /** Layers that run. BLIP-2 reads the second-last layer, so one less than the checkpoint has (paper 3.1). */
  readonly layers: number
  readonly heads: number
  readonly feedForward: number
  readonly layerNormEpsilon: number
}

/** A vision transformer in CLIP's form (OpenAI's ViT-L/14 in the paper): pre-norm, QuickGELU, norm before the layers. */
export type ClipVitConfig = VitConfig

export interface VitOutput {
  /** [batch, 1 + patches, width], the class token first, patches row by row; no final norm. */
  readonly output: Tensor
  /** After the norm in front of the layers, then after each layer. */
  readonly hiddenStates: readonly Tensor[]
}

export const patchCount = ({ imageSize, patchSize }: Pick<ClipVitConfig, 'imageSize' | 'patchSize'>): number =>
  Math.floor(imageSize / patchSize) ** 2

/** images: [batch, 3, size, size], normalised; p is the scope 'visual_encoder'. */
export function clipVit(p: Scope, config: ClipVitConfig, images: Tensor): VitOutput {
  const { width, patchSize, layers } = config
  const std = width ** -0.5
  const kernel = p.parameter('conv1.weight', [width, 3, patchSize, patchSize], normal(std / patchSize))
  const patches = p.draw(() => patchConvolution(images, kernel))
  const classToken = reshape(p.parameter('class_embedding', [width], normal(std)), [1, 1, width])
  const positions = p.parameter('positional_embedding', [1 + patchCount(config), width], normal(std))
  let x = add(concat([expandBatch(classToken, images), patches], 1), positions)
  x = layerNorm(p.in('ln_pre'), x, config.layerNormEpsilon)
  const hiddenStates = [x]
  for (let index = 0; index < layers; index++) {
    const layer = p.in('transformer').in('resblocks').in(index)
    x = p.graph.segment(() => block(layer, config, x))
    hiddenStates.push(x)
  }
  return { output: x, hiddenStates }
}

function block(p: Scope, config: ClipVitConfig, x: Tensor): Tensor {
  const { width, feedForward, layerNormEpsilon } = config
  const attended = add(x, selfAttention(p.in('attn'), config, layerNorm(p.in('ln_1'), x, layerNormEpsilon)))
  const inner = quickGelu(
    linear(p.in('mlp').in('c_fc'), layerNorm(p.in('ln_2'), attended, layerNormEpsilon), feedForward),
  )
  return add(attended, linear(p.in('mlp').in('c_proj'), inner, width))
}

/** Query, key and value weights are stacked, as torch's MultiheadAttention keeps them. */
function selfAttention(p: Scope, { width, heads }: ClipVitConfig, x: Tensor): Tensor {
  const weight = p.parameter('in_proj_weight', [3 * width, width], normal(width ** -0.5))
  return p.draw(() => {
    const stacked = gLinear(x, weight, p.parameter('in_proj_bias', [3 * width], zeros))
    return linear(p.in('out_proj'), attendStacked(stacked, heads), width, { std: width ** -0.5 })
  })
}

/** Self-attention of queries, keys and values side by side. stacked: [batch, tokens, 3 * width] -> [batch, tokens, width] */
export function attendStacked(stacked: Tensor, heads: number): Tensor {
  const [batch, tokens, stackedWidth] = stacked.shape as [number, number, number]
  const size = stackedWidth / 3 / heads
  // [batch, tokens, 3, heads, size] -> [3, batch, heads, tokens, size]
  const byRole = transpose(reshape(stacked, [batch, tokens, 3, heads, size]), [2, 0, 3, 1, 4])
  const [query, key, value] = split(byRole, 0, [1, 1, 1]).map((part) =>
    reshape(part, [batch, heads, tokens, size]),
  ) as [Tensor, Tensor, Tensor]
  return mergeHeads(attend(query, key, value).output)
}
