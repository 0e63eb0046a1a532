import type { Tensor } from '../graph/graph.js'
import { add, concat, expandBatch, gelu, linear as gLinear, patchConvolution } from '../graph/index.js'
import { INITIAL_STD, layerNorm, linear } from '../nn/layers.js'
import { normal, type Scope, zeros } from '../nn/scope.js'
import { attendStacked, patchCount, type VitConfig, type VitOutput } from './vit.js'

/**
 * A vision transformer in EVA's form (Fang et al. 2023; EVA-CLIP's ViT-g/14 in the paper): pre-norm, exact GELU, no norm
 * before or after the layers, no bias on the keys.
 */
export type EvaVitConfig = VitConfig

export interface EvaVitOutput extends VitOutput {
  /** Patches before the class token and positions come in: [batch, patches, width] */
  readonly patches: Tensor
}

/** images: [batch, 3, size, size], normalised; p is the scope 'visual_encoder'. */
export function evaVit(p: Scope, config: EvaVitConfig, images: Tensor): EvaVitOutput {
  const { width, layers } = config
  const patches = embedPatches(p.in('patch_embed').in('proj'), config, images)
  const classToken = p.parameter('cls_token', [1, 1, width], normal(INITIAL_STD))
  const positions = p.parameter('pos_embed', [1, 1 + patchCount(config), width], normal(INITIAL_STD))
  let x = add(concat([expandBatch(classToken, images), patches], 1), positions)
  const hiddenStates = [x]
  for (let index = 0; index < layers; index++) {
    x = p.graph.segment(() => block(p.in('blocks').in(index), config, x))
    hiddenStates.push(x)
  }
  return { output: x, hiddenStates, patches }
}

function embedPatches(p: Scope, { width, patchSize }: EvaVitConfig, images: Tensor): Tensor {
  const kernel = p.parameter('weight', [width, 3, patchSize, patchSize], normal(INITIAL_STD))
  return p.draw(() => add(patchConvolution(images, kernel), p.parameter('bias', [width], zeros)))
}

function block(p: Scope, config: EvaVitConfig, x: Tensor): Tensor {
  const { width, feedForward, layerNormEpsilon } = config
  const attended = add(x, selfAttention(p.in('attn'), config, layerNorm(p.in('norm1'), x, layerNormEpsilon)))
  const mlp = p.in('mlp')
  const inner = gelu(linear(mlp.in('fc1'), layerNorm(p.in('norm2'), attended, layerNormEpsilon), feedForward))
  return add(attended, linear(mlp.in('fc2'), inner, width))
}

/** One product for queries, keys and values; the keys' bias would shift all scores of a row alike, so there is none. */
function selfAttention(p: Scope, { width, heads }: EvaVitConfig, x: Tensor): Tensor {
  const weight = p.in('qkv').parameter('weight', [3 * width, width], normal(INITIAL_STD))
  const bias = (name: string) => p.parameter(name, [width], zeros)
  return p.draw(() => {
    const noBias = p.graph.constant(new Float32Array(width), [width])
    const stacked = gLinear(x, weight, concat([bias('q_bias'), noBias, bias('v_bias')], 0))
    return linear(p.in('proj'), attendStacked(stacked, heads), width)
  })
}
