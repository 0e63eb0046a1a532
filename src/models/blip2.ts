import { Tensor } from '../graph/graph.js'
import { concat, expandBatch, normalize, reshape, slice } from '../graph/index.js'
import { onesLike } from '../nn/attention.js'
import { type Dropout, noDropout } from '../nn/dropout.js'
import { layerNorm, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { type OptConfig, optDecode, optEmbed, optEmbeddingWidth } from './opt.js'
import {
  bidirectionalBias,
  type ImageCache,
  type QFormerConfig,
  type QFormerOutput,
  qformer,
  queryTokens,
} from './qformer.js'
import { type T5Config, t5Embed, t5Encode } from './t5.js'

/** The parts that both stages share. */
export interface BridgeConfig {
  readonly qformer: QFormerConfig
  /** Epsilon of the trainable LayerNorm on the frozen encoder's output. */
  readonly visionLayerNormEpsilon: number
}

/** Stage 1 and retrieval: the Q-Former with its text side and heads (paper 3.2). */
export interface Stage1Config extends BridgeConfig {
  /** Width of the shared embedding space of pictures and texts: 256 in the paper. */
  readonly embeddingWidth: number
}

/** Stage 2 and generation with a decoder (paper 3.3). */
export interface Stage2Config extends BridgeConfig {
  readonly language: OptConfig
}

/** Stage 2 and generation with an encoder and a decoder (paper 3.3). */
export interface Stage2T5Config extends BridgeConfig {
  readonly language: T5Config
}

/** The frozen language model: a decoder alone, or an encoder and a decoder. */
export type LanguageConfig = ({ readonly kind: 'opt' } & OptConfig) | ({ readonly kind: 't5' } & T5Config)

/** The frozen encoder's tokens, normalised by weights that are trained. features: [batch, patches, encoderWidth] */
export const visionNorm = (p: Scope, config: BridgeConfig, features: Tensor): Tensor =>
  layerNorm(p.in('ln_vision'), features, config.visionLayerNormEpsilon)

/** The queries' pass over a picture. image: [batch, patches, encoderWidth], normalised -> output [batch, queries, width] */
export function queryImage(
  p: Scope,
  { qformer: config }: BridgeConfig,
  image: Tensor,
  dropout: Dropout = noDropout,
): QFormerOutput {
  return qformer(p.in('Qformer'), config, { queries: queryTokens(p, config, image), image, dropout })
}

/** One unit vector per query. queryOutput: [batch, queries, width] -> [batch, queries, embeddingWidth] */
export const imageEmbedding = (p: Scope, { embeddingWidth }: Stage1Config, queryOutput: Tensor): Tensor =>
  normalize(linear(p.in('vision_proj'), queryOutput, embeddingWidth))

/** The text-only pass: int64 ids and mask [batch, tokens] -> hidden states [batch, tokens, width] */
export function encodeText(
  p: Scope,
  { qformer: config }: BridgeConfig,
  ids: Tensor,
  mask: Tensor,
  dropout: Dropout = noDropout,
): Tensor {
  return qformer(p.in('Qformer'), config, { textIds: ids, attentionBias: bidirectionalBias(mask), dropout }).output
}

/** A unit vector per text, from its first token. hidden: [batch, tokens, width] -> [batch, embeddingWidth] */
export const textEmbedding = (p: Scope, { embeddingWidth }: Stage1Config, hidden: Tensor): Tensor => {
  const [batch, , width] = hidden.shape as [number, number, number]
  const first = slice(hidden, 1, 0, 1)
  return normalize(linear(p.in('text_proj'), reshape(first, [batch, width]), embeddingWidth))
}

/**
 * The joint pass of picture and text: all tokens see each other. image: [batch, patches, encoderWidth], normalised, or
 * its keys and values -> queries' outputs [batch, queries, width]
 */
export function joint(
  p: Scope,
  config: BridgeConfig,
  image: Tensor | ImageCache,
  ids: Tensor,
  mask: Tensor,
  dropout: Dropout = noDropout,
): Tensor {
  const read = image instanceof Tensor ? { image } : { imageCache: image }
  const queries = queryTokens(p, config.qformer, read.image ?? ids)
  const queryMask = onesLike(ids.graph, queries.shape.slice(0, 2))
  const attentionBias = bidirectionalBias(mask, queryMask)
  const { output } = qformer(p.in('Qformer'), config.qformer, {
    queries,
    textIds: ids,
    ...read,
    attentionBias,
    dropout,
  })
  return slice(output, 1, 0, config.qformer.queries)
}

/** Match logits of each query; class 1 is "match". queries: [batch, queries, width] -> [batch, queries, 2] */
export const matchHead = (p: Scope, queries: Tensor): Tensor => linear(p.in('itm_head'), queries, 2)

/** Scope of OPT's weights. */
export const OPT_MODEL = 'opt_model'

/** Soft prompt for OPT. queryOutput: [batch, queries, width] -> [batch, queries, width of OPT's embeddings] */
export const softPrompt = (p: Scope, { language }: Stage2Config, queryOutput: Tensor): Tensor =>
  linear(p.in('opt_proj'), queryOutput, optEmbeddingWidth(language))

/**
 * The language model over [soft prompt; text]. Nothing is put between the two, and the prompt is not scaled.
 * prompt: [batch, queries, width], ids and mask: int64 [batch, tokens] -> hidden states [batch, queries + tokens, width]
 */
export function decodeText(p: Scope, { language }: Stage2Config, prompt: Tensor, ids: Tensor, mask: Tensor) {
  const model = p.in(OPT_MODEL)
  const embeddings = concat([prompt, optEmbed(model, language, ids)], 1)
  const full = concat([onesLike(prompt.graph, prompt.shape.slice(0, 2)), mask], 1)
  return optDecode(model, language, embeddings, full)
}

/** Scope of T5's weights. */
export const T5_MODEL = 't5_model'

/** The soft prompt of either kind of language model. queryOutput: [batch, queries, width] -> [batch, queries, language width] */
export const softPromptOf = (p: Scope, bridge: BridgeConfig, language: LanguageConfig, queryOutput: Tensor): Tensor =>
  language.kind === 't5'
    ? softPromptT5(p, { ...bridge, language }, queryOutput)
    : softPrompt(p, { ...bridge, language }, queryOutput)

/** Soft prompt for T5's encoder. queryOutput: [batch, queries, width] -> [batch, queries, language width] */
export const softPromptT5 = (p: Scope, { language }: Stage2T5Config, queryOutput: Tensor): Tensor =>
  linear(p.in('t5_proj'), queryOutput, language.width)

/**
 * T5's encoder over [soft prompt; prefix]. prompt: [batch, queries, width], ids and mask: int64 [batch, tokens]
 * -> [batch, queries + tokens, width] and its mask
 */
export function encodePrefix(
  p: Scope,
  { language }: Pick<Stage2T5Config, 'language'>,
  prompt: Tensor,
  ids: Tensor,
  mask: Tensor,
) {
  const model = p.in(T5_MODEL)
  // The batch may be known only when the graph runs.
  const full = concat([expandBatch(onesLike(prompt.graph, [1, prompt.size(1)]), mask), mask], 1)
  const { output } = t5Encode(model, language, concat([prompt, t5Embed(model, language, ids)], 1), full)
  return { encoded: output, mask: full }
}
