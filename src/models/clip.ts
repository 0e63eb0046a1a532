import type { Tensor } from '../graph/graph.js'
import { add, matmul, normalize, quickGelu, reshape, slice } from '../graph/index.js'
import { attend, causalBias, mergeHeads, OPT_MASK, onesLike, splitHeads } from '../nn/attention.js'
import { embedding, embeddingTable, layerNorm, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { type ClipVitConfig, clipVit } from './vit.js'

/** CLIP's text side: a causal transformer, pre-norm, QuickGELU. */
export interface ClipTextConfig {
  readonly vocabularySize: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly feedForward: number
  /** Tokens of a text at most, the first and the last special ones included: 77. */
  readonly maxPositions: number
  readonly layerNormEpsilon: number
}

/** CLIP (Radford et al. 2021) with both of its towers; BLIP-2 ranks captions with its ViT-L/14 (paper 3.4). */
export interface ClipConfig {
  /** With all layers of the checkpoint, where BLIP-2's frozen encoder has one less. */
  readonly vision: ClipVitConfig
  readonly text: ClipTextConfig
  /** Width of the space that pictures and texts share: 768. */
  readonly embeddingWidth: number
}

/** A unit vector per picture, of its class token. images: [batch, 3, size, size] -> [batch, embeddingWidth] */
export function clipImageEmbedding(p: Scope, { vision, embeddingWidth }: ClipConfig, images: Tensor): Tensor {
  const encoder = p.in('visual_encoder')
  const { output } = clipVit(encoder, vision, images)
  const [batch] = output.shape as [number]
  const first = reshape(slice(output, 1, 0, 1), [batch, vision.width])
  const pooled = layerNorm(encoder.in('ln_post'), first, vision.layerNormEpsilon)
  return normalize(linear(p.in('visual_projection'), pooled, embeddingWidth, { bias: false }))
}

/**
 * A unit vector per text, of its end token. Tokens after it are not seen, so it does not matter what they are.
 * ids: int64 [batch, tokens]; end: [batch, 1, tokens], 1 at the end token, else 0 -> [batch, embeddingWidth]
 */
export function clipTextEmbedding(p: Scope, { text, embeddingWidth }: ClipConfig, ids: Tensor, end: Tensor): Tensor {
  const model = p.in('text_model')
  const [batch, tokens] = ids.shape as [number, number]
  const words = embedding(model.in('embeddings').in('token_embedding'), ids, text.vocabularySize, text.width)
  const table = embeddingTable(model.in('embeddings').in('position_embedding'), text.maxPositions, text.width)
  const bias = causalBias(onesLike(p.graph, [1, tokens]), OPT_MASK)
  let x = add(words, slice(table, 0, 0, tokens))
  for (let index = 0; index < text.layers; index++) x = block(model.in('encoder').in('layers').in(index), text, x, bias)
  const normed = layerNorm(model.in('final_layer_norm'), x, text.layerNormEpsilon)
  // A product with zeros and one 1 picks the token exactly.
  const pooled = reshape(matmul(end, normed), [batch, text.width])
  return normalize(linear(p.in('text_projection'), pooled, embeddingWidth, { bias: false }))
}

function block(p: Scope, { width, heads, feedForward, layerNormEpsilon }: ClipTextConfig, x: Tensor, bias: Tensor) {
  const attention = p.in('self_attn')
  const before = layerNorm(p.in('layer_norm1'), x, layerNormEpsilon)
  const byHead = (name: string) => splitHeads(linear(attention.in(name), before, width), heads)
  const { output } = p.draw(() => attend(byHead('q_proj'), byHead('k_proj'), byHead('v_proj'), bias))
  const attended = add(x, linear(attention.in('out_proj'), mergeHeads(output), width))
  const mlp = p.in('mlp')
  const inner = quickGelu(
    linear(mlp.in('fc1'), layerNorm(p.in('layer_norm2'), attended, layerNormEpsilon), feedForward),
  )
  return add(attended, linear(mlp.in('fc2'), inner, width))
}
