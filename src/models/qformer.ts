import type { Tensor } from '../graph/graph.js'
import { add, concat, expandBatch, gelu, linear as gLinear, reshape, slice } from '../graph/index.js'
import { attend, BERT_MASK, mergeHeads, paddingBias, splitHeads } from '../nn/attention.js'
import { type Dropout, noDropout } from '../nn/dropout.js'
import { embedding, embeddingTable, layerNorm, linear } from '../nn/layers.js'
import { normal, type Scope, zeros } from '../nn/scope.js'

/** The Querying Transformer (paper 3.1): BERT with learned queries and cross-attention to a frozen encoder. */
export interface QFormerConfig {
  /** Entries of the text vocabulary, the [DEC] token included. */
  readonly vocabularySize: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly feedForward: number
  readonly maxPositions: number
  /** Learned queries; they carry the picture to the language model. */
  readonly queries: number
  /** Width of the frozen encoder's tokens. */
  readonly encoderWidth: number
  /** Cross-attention in layers 0, n, 2n, ...: every second layer in the paper. */
  readonly crossAttentionEvery: number
  readonly layerNormEpsilon: number
}

/** Keys and values of one layer's self-attention: [batch, heads, tokens, size] */
export interface KeyValue {
  readonly key: Tensor
  readonly value: Tensor
}

/** Keys and values that the queries read of pictures, by layer with cross-attention: [pictures, heads, patches, size] */
export type ImageCache = ReadonlyMap<number, KeyValue>

export interface QFormerInput {
  /** Query embeddings [batch, queries, width]; absent in a text-only pass. */
  readonly queries?: Tensor
  /** int64 [batch, tokens]; absent in a query-only pass. */
  readonly textIds?: Tensor
  /** Encoder output [batch, patches, encoderWidth]; read by the queries only. */
  readonly image?: Tensor
  /**
   * Instead of the image: its keys and values, of an earlier pass or of `imageKeyValues`. Where several rows of the batch
   * read each picture, one after the other, the pictures are here once.
   */
  readonly imageCache?: ImageCache
  /** Added to self-attention scores, broadcastable to [batch, heads, tokens, keys]; see `paddingBias`. */
  readonly attentionBias?: Tensor
  /** Added to cross-attention scores. */
  readonly imageBias?: Tensor
  /** Keys and values in front of this pass, one per layer (the queries', for caption generation). */
  readonly past?: readonly KeyValue[]
  /** Position of the first text token (default 0: queries have no positions). */
  readonly firstPosition?: number
  readonly dropout?: Dropout
}

export interface QFormerOutput {
  /** [batch, queries + tokens, width] */
  readonly output: Tensor
  /** The embeddings, then the output of each layer. */
  readonly hiddenStates: readonly Tensor[]
  /** Keys and values of each layer, with the past in front. */
  readonly cache: readonly KeyValue[]
  /** The same of the cross-attention. */
  readonly imageCache: ImageCache
  /** Cross-attention probabilities by layer: [batch, heads, queries, patches] */
  readonly crossAttention: ReadonlyMap<number, Tensor>
}

/** The learned queries, repeated for each picture of `like`. -> [batch, queries, width] */
export function queryTokens(p: Scope, config: QFormerConfig, like: Tensor): Tensor {
  const tokens = p.parameter('query_tokens', [1, config.queries, config.width], normal(0.02))
  return expandBatch(tokens, like)
}

/** One pass of the Q-Former; p is the scope 'Qformer'. */
export function qformer(p: Scope, config: QFormerConfig, input: QFormerInput): QFormerOutput {
  const dropout = input.dropout ?? noDropout
  const bert = p.in('bert')
  let hidden = embed(bert.in('embeddings'), config, input, dropout)
  const hiddenStates = [hidden]
  const cache: KeyValue[] = []
  const imageCache = new Map<number, KeyValue>()
  const crossAttention = new Map<number, Tensor>()

  for (let index = 0; index < config.layers; index++) {
    const layer = bert.in('encoder').in('layer').in(index)
    const { output, keyValue, crossed } = p.graph.segment(() =>
      qformerLayer(layer, config, hidden, input, index, dropout),
    )
    cache.push(keyValue)
    if (crossed) {
      imageCache.set(index, crossed.keyValue)
      crossAttention.set(index, crossed.probabilities)
    }
    hidden = output
    hiddenStates.push(hidden)
  }
  return { output: hidden, hiddenStates, cache, imageCache, crossAttention }
}

/**
 * Keys and values of pictures for the cross-attention of all layers: computed once where several passes read the same
 * pictures, as those of ITC and ITM do. image: [pictures, patches, encoderWidth]; p is the scope 'Qformer'.
 */
export function imageKeyValues(p: Scope, config: QFormerConfig, image: Tensor): ImageCache {
  const layers = p.in('bert').in('encoder').in('layer')
  const crossing = Array.from({ length: config.layers }, (_, index) => index).filter((index) => crosses(config, index))
  return new Map(
    crossing.map((index) => [index, imageKeyValue(layers.in(index).in('crossattention').in('self'), config, image)]),
  )
}

const crosses = ({ crossAttentionEvery }: QFormerConfig, index: number): boolean => index % crossAttentionEvery === 0

const imageKeyValue = (p: Scope, { width, heads }: QFormerConfig, image: Tensor): KeyValue => ({
  key: splitHeads(linear(p.in('key'), image, width), heads),
  value: splitHeads(linear(p.in('value'), image, width), heads),
})

/** Self-attention, cross-attention of the queries where the layer has it, feed-forward. x: [batch, queries + tokens, width] */
function qformerLayer(
  p: Scope,
  config: QFormerConfig,
  x: Tensor,
  input: QFormerInput,
  index: number,
  dropout: Dropout,
): { output: Tensor; keyValue: KeyValue; crossed?: { keyValue: KeyValue; probabilities: Tensor } } {
  const { output: hidden, keyValue } = selfAttention(p.in('attention'), config, x, input, index, dropout)
  const queryLength = input.queries ? (input.queries.size(1) as number) : 0
  if (queryLength === 0) return { output: feedForward(p, config, hidden, '', dropout), keyValue }
  const tokens = hidden.size(1) as number
  const own = slice(hidden, 1, 0, queryLength)
  const crossed =
    crosses(config, index) && (input.image || input.imageCache)
      ? crossAttend(p.in('crossattention'), config, own, input, index, dropout)
      : undefined
  const queries = feedForward(p, config, crossed?.output ?? own, '_query', dropout)
  const output =
    tokens === queryLength
      ? queries
      : concat([queries, feedForward(p, config, slice(hidden, 1, queryLength, tokens), '', dropout)], 1)
  return { output, keyValue, ...(crossed ? { crossed } : {}) }
}

/** Masked-language-model head, tied to the word embeddings. hidden: [..., width] -> [..., vocabulary]; p is 'Qformer'. */
export function languageHead(p: Scope, config: QFormerConfig, hidden: Tensor): Tensor {
  const head = p.in('cls').in('predictions')
  const transformed = gelu(linear(head.in('transform').in('dense'), hidden, config.width))
  const normal = layerNorm(head.in('transform').in('LayerNorm'), transformed, config.layerNormEpsilon)
  return head.draw(() =>
    gLinear(normal, wordEmbeddings(p, config), head.parameter('bias', [config.vocabularySize], zeros)),
  )
}

/** Score bias of a bidirectional pass over queries and text. textMask: int64 [batch, tokens] */
export function bidirectionalBias(textMask: Tensor, queryMask?: Tensor): Tensor {
  return paddingBias(queryMask ? concat([queryMask, textMask], 1) : textMask, BERT_MASK)
}

const wordEmbeddings = (p: Scope, { vocabularySize, width }: QFormerConfig): Tensor =>
  embeddingTable(p.in('bert').in('embeddings').in('word_embeddings'), vocabularySize, width)

/** Words and positions for text, nothing for queries; one LayerNorm for both. */
function embed(p: Scope, config: QFormerConfig, input: QFormerInput, dropout: Dropout): Tensor {
  const parts = input.queries ? [input.queries] : []
  if (input.textIds) {
    const tokens = input.textIds.size(1) as number
    const first = input.firstPosition ?? 0
    const words = embedding(p.in('word_embeddings'), input.textIds, config.vocabularySize, config.width)
    const table = embeddingTable(p.in('position_embeddings'), config.maxPositions, config.width)
    parts.push(p.draw(() => add(words, slice(table, 0, first, first + tokens))))
  }
  return dropout(layerNorm(p.in('LayerNorm'), concat(parts, 1), config.layerNormEpsilon))
}

function selfAttention(
  p: Scope,
  config: QFormerConfig,
  x: Tensor,
  input: QFormerInput,
  index: number,
  dropout: Dropout,
) {
  const self = p.in('self')
  const past = input.past?.[index]
  const heads = (name: string) => splitHeads(linear(self.in(name), x, config.width), config.heads)
  const extend = (old: Tensor | undefined, fresh: Tensor) => (old ? concat([old, fresh], 2) : fresh)
  return p.draw(() => {
    const keyValue = { key: extend(past?.key, heads('key')), value: extend(past?.value, heads('value')) }
    const { output } = attend(heads('query'), keyValue.key, keyValue.value, input.attentionBias, dropout)
    return { keyValue, output: residual(p.in('output'), config, mergeHeads(output), x, dropout) }
  })
}

function crossAttend(
  p: Scope,
  config: QFormerConfig,
  x: Tensor,
  { image, imageCache, imageBias }: QFormerInput,
  index: number,
  dropout: Dropout,
) {
  const self = p.in('self')
  return p.draw(() => {
    const keyValue = imageCache?.get(index) ?? imageKeyValue(self, config, image!)
    const asked = byPicture(x, keyValue.key)
    const query = splitHeads(linear(self.in('query'), asked, config.width), config.heads)
    const { output, probabilities } = attend(query, keyValue.key, keyValue.value, imageBias, dropout)
    const read = asked === x ? mergeHeads(output) : reshape(mergeHeads(output), x.shape)
    return { output: residual(p.in('output'), config, read, x, dropout), keyValue, probabilities }
  })
}

/**
 * Rows that read the same picture as one row with the queries of all: cross-attention treats each query by itself.
 * x: [pictures * n, queries, width], key: [pictures, heads, patches, size] -> [pictures, n * queries, width]
 */
function byPicture(x: Tensor, key: Tensor): Tensor {
  const [[rows, queries, width], [pictures]] = [x.shape, key.shape] as [number[], number[]]
  return rows === pictures ? x : reshape(x, [pictures!, (rows! / pictures!) * queries!, width!])
}

/** Queries and text have feed-forward weights of their own: suffix '_query' or ''. */
function feedForward(p: Scope, config: QFormerConfig, x: Tensor, suffix: '' | '_query', dropout: Dropout): Tensor {
  const inner = gelu(linear(p.in(`intermediate${suffix}`).in('dense'), x, config.feedForward))
  return residual(p.in(`output${suffix}`), config, inner, x, dropout)
}

/** Projection, dropout, residual, LayerNorm: the order of post-norm BERT. */
const residual = (p: Scope, config: QFormerConfig, inner: Tensor, x: Tensor, dropout: Dropout): Tensor =>
  layerNorm(p.in('LayerNorm'), add(dropout(linear(p.in('dense'), inner, config.width)), x), config.layerNormEpsilon)
