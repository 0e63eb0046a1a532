import type { Graph, Tensor } from '../graph/graph.js'
import {
  add,
  concat,
  embedding as gEmbedding,
  gelu,
  geluTanh,
  matmul,
  mul,
  reshape,
  rmsNorm,
  softmax,
  transpose,
} from '../graph/index.js'
import { causalBias, mergeHeads, OPT_MASK, paddingBias, splitHeads } from '../nn/attention.js'
import { linear } from '../nn/layers.js'
import { normal, ones, type Scope } from '../nn/scope.js'
import type { KeyValue } from './qformer.js'

/**
 * T5 in its version 1.1 (Raffel et al. 2020, Shazeer 2020), which Flan-T5 has: pre-norm with root mean squares, gated
 * GELU, relative positions, no biases, scores that are not scaled, a head of its own.
 */
export interface T5Config {
  readonly vocabularySize: number
  readonly width: number
  readonly encoderLayers: number
  readonly decoderLayers: number
  readonly heads: number
  /** Width of a head; heads * headSize may differ from `width`. */
  readonly headSize: number
  readonly feedForward: number
  /** Distances between tokens are sorted into this many buckets. */
  readonly relativeBuckets: number
  /** Distances from here on share a bucket. */
  readonly relativeMaxDistance: number
  readonly layerNormEpsilon: number
  /** 'exact' as BLIP-2's authors run Flan-T5, 'tanh' as it was trained. */
  readonly gelu: 'exact' | 'tanh'
}

/** The decoder starts with the padding token. */
export const T5_START = 0

export type T5Stack = 'encoder' | 'decoder'

export interface T5EncoderOutput {
  /** After the final norm: [batch, tokens, width] */
  readonly output: Tensor
  /** The embeddings, the output of each layer but the last, then `output`. */
  readonly hiddenStates: readonly Tensor[]
}

export interface T5DecoderInput {
  /** Token embeddings [batch, tokens, width] */
  readonly embeddings: Tensor
  /** Relative positions and mask, added to the scores: [batch or 1, heads, tokens, keys] */
  readonly attentionBias: Tensor
  /** Keys and values of the encoder's output, one per layer; see `t5CrossKeyValues`. */
  readonly cross: readonly KeyValue[]
  /** Hides the encoder's padding: [batch, 1, 1, encoder tokens] */
  readonly crossBias: Tensor
  /** Keys and values of the tokens before, one per layer. */
  readonly past?: readonly KeyValue[]
}

export interface T5DecoderOutput extends T5EncoderOutput {
  readonly cache: readonly KeyValue[]
}

/** ids: int64 [batch, tokens] -> [batch, tokens, width]; encoder and decoder share the table. p is 't5_model'. */
export const t5Embed = (p: Scope, { vocabularySize, width }: T5Config, ids: Tensor): Tensor =>
  gEmbedding(p.in('shared').parameter('weight', [vocabularySize, width], normal(1)), ids)

/**
 * embeddings: [batch, tokens, width], mask: int64 [batch, tokens]
 * buckets: `bucketsOf` all tokens, int64 [tokens, tokens], where their number is not known yet
 */
export function t5Encode(
  p: Scope,
  config: T5Config,
  embeddings: Tensor,
  mask: Tensor,
  buckets = encoderBuckets(p.graph, config, embeddings.size(1) as number),
): T5EncoderOutput {
  const stack = p.in('encoder')
  const bias = add(t5RelativeBias(p, config, 'encoder', buckets), paddingBias(mask, OPT_MASK))
  let x = embeddings
  const hiddenStates = [x]
  for (let index = 0; index < config.encoderLayers; index++) {
    const layer = stack.in('block').in(index).in('layer')
    x = p.graph.segment(() => {
      const own = layer.in(0)
      const attended = selfAttention(own.in('SelfAttention'), config, norm(own, config, x), bias)
      return feedForward(layer.in(1), config, add(x, attended.output))
    })
    if (index < config.encoderLayers - 1) hiddenStates.push(x)
  }
  const output = finalNorm(stack, config, x)
  return { output, hiddenStates: [...hiddenStates, output] }
}

const encoderBuckets = (graph: Graph, config: T5Config, tokens: number): Tensor =>
  relativeBuckets(graph, config, 'encoder', tokens, tokens)

/** What the decoder's layers read of the encoder's output: it does not change while a text is generated. */
export const t5CrossKeyValues = (p: Scope, config: T5Config, encoded: Tensor): KeyValue[] =>
  Array.from({ length: config.decoderLayers }, (_, index) =>
    keyValue(p.in('decoder').in('block').in(index).in('layer').in(1).in('EncDecAttention'), config, encoded),
  )

/** The decoder without its head. */
export function t5Decoder(p: Scope, config: T5Config, input: T5DecoderInput): T5DecoderOutput {
  const stack = p.in('decoder')
  let x = input.embeddings
  const hiddenStates = [x]
  const cache: KeyValue[] = []
  for (let index = 0; index < config.decoderLayers; index++) {
    const block = stack.in('block').in(index).in('layer')
    const layer = p.graph.segment(() => decoderLayer(block, config, x, input, index))
    cache.push(layer.keyValue)
    x = layer.output
    if (index < config.decoderLayers - 1) hiddenStates.push(x)
  }
  const output = finalNorm(stack, config, x)
  return { output, hiddenStates: [...hiddenStates, output], cache }
}

function decoderLayer(p: Scope, config: T5Config, x: Tensor, input: T5DecoderInput, index: number) {
  const [own, crossing] = [p.in(0), p.in(1)]
  const attended = selfAttention(
    own.in('SelfAttention'),
    config,
    norm(own, config, x),
    input.attentionBias,
    input.past?.[index],
  )
  const after = add(x, attended.output)
  const cross = crossing.in('EncDecAttention')
  const crossed = add(after, attend(cross, config, norm(crossing, config, after), input.cross[index]!, input.crossBias))
  return { output: feedForward(p.in(2), config, crossed), keyValue: attended.keyValue }
}

/**
 * The decoder over a padded batch from its start.
 * ids and mask: int64 [batch, tokens], encoded: [batch, encoder tokens, width], encodedMask: int64 [batch, encoder tokens]
 */
export function t5Decode(
  p: Scope,
  config: T5Config,
  { ids, mask, encoded, encodedMask }: Readonly<Record<'ids' | 'mask' | 'encoded' | 'encodedMask', Tensor>>,
): T5DecoderOutput {
  const tokens = ids.size(1) as number
  const buckets = relativeBuckets(p.graph, config, 'decoder', tokens, tokens)
  return t5Decoder(p, config, {
    embeddings: t5Embed(p, config, ids),
    attentionBias: add(t5RelativeBias(p, config, 'decoder', buckets), causalBias(mask, OPT_MASK)),
    cross: t5CrossKeyValues(p, config, encoded),
    crossBias: paddingBias(encodedMask, OPT_MASK),
  })
}

/** Scores of the tokens. The head has weights of its own, so the hidden states are not scaled. [..., width] -> [..., vocabulary] */
export const t5Head = (p: Scope, { vocabularySize }: T5Config, hidden: Tensor): Tensor =>
  linear(p.in('lm_head'), hidden, vocabularySize, { bias: false, std: 1 })

/**
 * Score bias by the distance of query and key. A stack's first layer holds it and all its layers add it.
 * buckets: int64 [queries, keys], see `relativeBucket` -> [1, heads, queries, keys]
 */
export function t5RelativeBias(p: Scope, config: T5Config, stack: T5Stack, buckets: Tensor): Tensor {
  const { heads, width } = config
  const attention = p.in(stack).in('block').in(0).in('layer').in(0).in('SelfAttention')
  const shape = [config.relativeBuckets, heads]
  const table = attention.in('relative_attention_bias').parameter('weight', shape, normal(width ** -0.5))
  const [queries, keys] = buckets.shape as [number, number]
  return reshape(transpose(gEmbedding(table, buckets), [2, 0, 1]), [1, heads, queries, keys])
}

/** Buckets of all pairs, the queries being the last of the keys. -> int64 [queries, keys] */
export const relativeBuckets = (
  graph: Graph,
  config: T5Config,
  stack: T5Stack,
  queries: number,
  keys: number,
): Tensor => graph.constant(bucketsOf(config, stack, queries, keys), [queries, keys])

/** The same as data. */
export function bucketsOf(config: T5Config, stack: T5Stack, queries: number, keys: number): BigInt64Array {
  const buckets = new BigInt64Array(queries * keys)
  const first = keys - queries
  for (let query = 0; query < queries; query++)
    for (let key = 0; key < keys; key++)
      buckets[query * keys + key] = BigInt(relativeBucket(key - query - first, config, stack))
  return buckets
}

/**
 * Near distances have a bucket each, farther ones share buckets that grow with the logarithm. The encoder has one half
 * of them for either direction; the decoder looks back only.
 * @param distance place of the key minus place of the query
 */
export function relativeBucket(
  distance: number,
  { relativeBuckets: total, relativeMaxDistance }: Pick<T5Config, 'relativeBuckets' | 'relativeMaxDistance'>,
  stack: T5Stack,
): number {
  const count = stack === 'encoder' ? total / 2 : total
  const first = stack === 'encoder' && distance > 0 ? count : 0
  const length = stack === 'encoder' ? Math.abs(distance) : Math.max(-distance, 0)
  const exact = Math.floor(count / 2)
  if (length < exact) return first + length
  const growth = Math.log(length / exact) / Math.log(relativeMaxDistance / exact)
  return first + Math.min(exact + Math.trunc(growth * (count - exact)), count - 1)
}

const norm = (p: Scope, config: T5Config, x: Tensor): Tensor => rootMeanSquareNorm(p.in('layer_norm'), config, x)

const finalNorm = (p: Scope, config: T5Config, x: Tensor): Tensor =>
  rootMeanSquareNorm(p.in('final_layer_norm'), config, x)

const rootMeanSquareNorm = (p: Scope, { width, layerNormEpsilon }: T5Config, x: Tensor): Tensor =>
  p.draw(() => rmsNorm(x, p.parameter('weight', [width], ones), layerNormEpsilon))

function selfAttention(p: Scope, config: T5Config, x: Tensor, bias: Tensor, past?: KeyValue) {
  const fresh = keyValue(p, config, x)
  const all = past ? { key: concat([past.key, fresh.key], 2), value: concat([past.value, fresh.value], 2) } : fresh
  return { keyValue: all, output: attend(p, config, x, all, bias) }
}

/** x: [batch, tokens, width] -> [batch, heads, tokens, headSize] */
function keyValue(p: Scope, { width, heads, headSize }: T5Config, x: Tensor): KeyValue {
  const project = (name: string) =>
    splitHeads(linear(p.in(name), x, heads * headSize, { bias: false, std: width ** -0.5 }), heads)
  return { key: project('k'), value: project('v') }
}

/** The queries' weights are initialised so small that their products need no division by the root of the head's size. */
function attend(p: Scope, config: T5Config, x: Tensor, { key, value }: KeyValue, bias: Tensor): Tensor {
  const { width, heads, headSize } = config
  const std = (width * headSize) ** -0.5
  const query = splitHeads(linear(p.in('q'), x, heads * headSize, { bias: false, std }), heads)
  return p.draw(() => {
    const probabilities = softmax(add(matmul(query, key, { transposeB: true }), bias))
    const mixed = mergeHeads(matmul(probabilities, value))
    return linear(p.in('o'), mixed, width, { bias: false, std: (heads * headSize) ** -0.5 })
  })
}

function feedForward(p: Scope, config: T5Config, x: Tensor): Tensor {
  const dense = p.in('DenseReluDense')
  const normal = norm(p, config, x)
  const activation = config.gelu === 'exact' ? gelu : geluTanh
  const open = (name: string) =>
    linear(dense.in(name), normal, config.feedForward, { bias: false, std: config.width ** -0.5 })
  const gated = dense.draw(() => mul(activation(open('wi_0')), open('wi_1')))
  return add(x, linear(dense.in('wo'), gated, config.width, { bias: false, std: config.feedForward ** -0.5 }))
}
