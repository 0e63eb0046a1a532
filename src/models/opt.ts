import type { Tensor } from '../graph/graph.js'
import { add, concat, cumulativeSum, linear as gLinear, mul, relu } from '../graph/index.js'
import { attend, causalBias, mergeHeads, OPT_MASK, splitHeads } from '../nn/attention.js'
import { embedding, embeddingTable, layerNorm, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import type { KeyValue } from './qformer.js'

/**
 * OPT (Zhang et al. 2022): a causal decoder, pre-norm except for its 350M size, ReLU, learned positions, head tied to the
 * embeddings.
 */
export interface OptConfig {
  readonly vocabularySize: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly feedForward: number
  /** Positions a text may have, soft prompt included; the table has two more rows. */
  readonly maxPositions: number
  readonly layerNormEpsilon: number
  /** Width of the token embeddings and of what the head reads, projected to `width` and back where it differs (default `width`). */
  readonly embeddingWidth?: number
  /** Norms after the residuals, and none at the end: OPT-350M only (default false). */
  readonly postNorm?: boolean
}

/** The position table starts with two unused rows; padding points to row 1. */
const POSITION_OFFSET = 2

export interface OptInput {
  /** Token embeddings [batch, tokens, embeddingWidth], the soft prompt in front. */
  readonly embeddings: Tensor
  /** int64 [batch, tokens], rows of the position table; see `optPositions`. */
  readonly positions: Tensor
  /** Added to the scores: [batch, 1, tokens, keys]; see `causalBias`. */
  readonly attentionBias: Tensor
  /** Keys and values of the tokens before, one per layer. */
  readonly past?: readonly KeyValue[]
}

export interface OptOutput {
  /** After the final norm: [batch, tokens, embeddingWidth] */
  readonly output: Tensor
  /** The embeddings with positions, the output of each layer but the last, then `output`. */
  readonly hiddenStates: readonly Tensor[]
  readonly cache: readonly KeyValue[]
}

/** The decoder without its head; p is the scope that holds 'model.decoder' (opt_model in BLIP-2). */
export function opt(p: Scope, config: OptConfig, input: OptInput): OptOutput {
  const decoder = p.in('model').in('decoder')
  const positions = decoder.in('embed_positions')
  let x = add(
    project(decoder.in('project_in'), input.embeddings, config.width),
    embedding(positions, input.positions, config.maxPositions + POSITION_OFFSET, config.width),
  )
  const hiddenStates = [x]
  const cache: KeyValue[] = []
  for (let index = 0; index < config.layers; index++) {
    const layer = p.graph.segment(() => decoderLayer(decoder.in('layers').in(index), config, x, input, index))
    cache.push(layer.keyValue)
    x = layer.output
    if (index < config.layers - 1) hiddenStates.push(x)
  }
  const normal = config.postNorm ? x : layerNorm(decoder.in('final_layer_norm'), x, config.layerNormEpsilon)
  const output = project(decoder.in('project_out'), normal, optEmbeddingWidth(config))
  return { output, hiddenStates: [...hiddenStates, output], cache }
}

/** Width of token embeddings, soft prompts and the decoder's output. */
export const optEmbeddingWidth = ({ width, embeddingWidth = width }: OptConfig): number => embeddingWidth

/** ids: int64 [batch, tokens] -> [batch, tokens, embeddingWidth] */
export const optEmbed = (p: Scope, config: OptConfig, ids: Tensor): Tensor =>
  embedding(p.in('model').in('decoder').in('embed_tokens'), ids, config.vocabularySize, optEmbeddingWidth(config))

/** Next-token scores, by the embedding table. hidden: [..., embeddingWidth] -> [..., vocabulary] */
export function optHead(p: Scope, config: OptConfig, hidden: Tensor): Tensor {
  const words = p.in('model').in('decoder').in('embed_tokens')
  const table = embeddingTable(words, config.vocabularySize, optEmbeddingWidth(config))
  return p.in('lm_head').draw(() => gLinear(hidden, table))
}

/**
 * Rows of the position table: real tokens count from the first one, padding gets row 1.
 * mask: int64 [batch, tokens] -> int64 [batch, tokens]
 */
export const optPositions = (mask: Tensor): Tensor =>
  // (cumsum(mask) * mask - 1) + 2
  add(mul(cumulativeSum(mask, 1), mask), POSITION_OFFSET - 1)

/** The decoder over a padded batch from its start. mask: int64 [batch, tokens] */
export const optDecode = (p: Scope, config: OptConfig, embeddings: Tensor, mask: Tensor): OptOutput =>
  opt(p, config, { embeddings, positions: optPositions(mask), attentionBias: causalBias(mask, OPT_MASK) })

/** Between the embeddings' width and the layers'; nothing where they are the same. */
const project = (p: Scope, x: Tensor, width: number): Tensor =>
  x.size(-1) === width ? x : linear(p, x, width, { bias: false })

function decoderLayer(p: Scope, config: OptConfig, x: Tensor, input: OptInput, index: number) {
  const { width, feedForward, layerNormEpsilon, postNorm = false } = config
  const norm = (name: string, of: Tensor) => layerNorm(p.in(name), of, layerNormEpsilon)
  const before = (name: string, of: Tensor) => (postNorm ? of : norm(name, of))
  const after = (name: string, of: Tensor) => (postNorm ? norm(name, of) : of)
  const own = selfAttention(p.in('self_attn'), config, before('self_attn_layer_norm', x), input, index)
  const attended = after('self_attn_layer_norm', add(x, own.output))
  const inner = relu(linear(p.in('fc1'), before('final_layer_norm', attended), feedForward))
  const output = after('final_layer_norm', add(attended, linear(p.in('fc2'), inner, width)))
  return { keyValue: own.keyValue, output }
}

function selfAttention(p: Scope, { width, heads }: OptConfig, x: Tensor, input: OptInput, index: number) {
  const past = input.past?.[index]
  const byHead = (name: string) => splitHeads(linear(p.in(name), x, width), heads)
  const extend = (old: Tensor | undefined, fresh: Tensor) => (old ? concat([old, fresh], 2) : fresh)
  return p.draw(() => {
    const keyValue = { key: extend(past?.key, byHead('k_proj')), value: extend(past?.value, byHead('v_proj')) }
    const { output } = attend(byHead('q_proj'), keyValue.key, keyValue.value, input.attentionBias)
    return { keyValue, output: linear(p.in('out_proj'), mergeHeads(output), width) }
  })
}
