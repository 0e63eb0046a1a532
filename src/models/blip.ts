import type { Tensor } from '../graph/graph.js'
import { add, concat, embedding as lookUp, gelu, linear as gLinear, reshape, slice } from '../graph/index.js'
import { attend, causalBias, mergeHeads, OPT_MASK, onesLike, splitHeads } from '../nn/attention.js'
import { embedding, embeddingTable, INITIAL_STD, layerNorm, linear } from '../nn/layers.js'
import { normal, type Scope, zeros } from '../nn/scope.js'
import { type EvaVitConfig, evaVit } from './evaVit.js'
import type { KeyValue } from './qformer.js'

/** The text side of BLIP's captioner: BERT as a decoder, with cross-attention to the picture in every layer. */
export interface BlipTextConfig {
  readonly vocabularySize: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly feedForward: number
  readonly maxPositions: number
  readonly layerNormEpsilon: number
}

/**
 * BLIP's captioner (Li et al. 2022), which made the captions that BLIP-2 was trained on (paper 3.4: BLIP-large, a
 * ViT-L/16 at 384 pixels). Its vision transformer has EVA's form, with a norm after the layers.
 */
export interface BlipConfig {
  readonly vision: EvaVitConfig
  readonly text: BlipTextConfig
}

/** images: [pictures, 3, size, size], normalised; p is the root scope. -> [pictures, 1 + patches, vision width] */
export function blipFeatures(p: Scope, { vision }: BlipConfig, images: Tensor): Tensor {
  const { output } = evaVit(p.in('visual_encoder'), vision, images)
  return layerNorm(p.in('ln_vision'), output, vision.layerNormEpsilon)
}

/**
 * What the cross-attention of each layer reads of a picture; it stays the same for all tokens of all its texts.
 * features: [pictures, 1 + patches, vision width] -> keys and values [pictures, heads, 1 + patches, size]
 */
export function blipPicture(p: Scope, { text }: BlipConfig, features: Tensor): KeyValue[] {
  return Array.from({ length: text.layers }, (_, index) => {
    const self = layerScope(p, index).in('crossattention').in('self')
    const heads = (name: string) => splitHeads(linear(self.in(name), features, text.width), text.heads)
    return p.draw(() => ({ key: heads('key'), value: heads('value') }))
  })
}

export interface BlipDecodeInput {
  /** int64 [rows, tokens]; the rows are as many texts of each picture, picture by picture. */
  readonly ids: Tensor
  /** int64 [1, tokens]: places in the text, the same for all rows. */
  readonly positions: Tensor
  /** Of `blipPicture`. */
  readonly picture: readonly KeyValue[]
  /** Keys and values of the tokens before, one per layer; `ids` is then one token. */
  readonly past?: readonly KeyValue[]
}

export interface BlipDecodeOutput {
  /** [rows, tokens, width] */
  readonly output: Tensor
  /** Keys and values of each layer's self-attention, with the past in front. */
  readonly cache: readonly KeyValue[]
}

/** The decoder without its head: each token sees itself, the tokens before it and the picture. */
export function blipDecode(p: Scope, { text }: BlipConfig, input: BlipDecodeInput): BlipDecodeOutput {
  const { ids, positions, picture, past } = input
  const tokens = ids.size(1) as number
  const embeddings = p.in('text_decoder').in('bert').in('embeddings')
  const words = embedding(embeddings.in('word_embeddings'), ids, text.vocabularySize, text.width)
  const table = embeddingTable(embeddings.in('position_embeddings'), text.maxPositions, text.width)
  let x = layerNorm(embeddings.in('LayerNorm'), add(words, lookUp(table, positions)), text.layerNormEpsilon)
  const bias = tokens > 1 ? causalBias(onesLike(p.graph, [1, tokens]), OPT_MASK) : undefined
  const cache: KeyValue[] = []
  for (let index = 0; index < text.layers; index++) {
    const layer = layerScope(p, index)
    const own = selfAttention(layer.in('attention'), text, x, past?.[index], bias)
    cache.push(own.keyValue)
    const crossed = crossAttention(layer.in('crossattention'), text, own.output, picture[index]!)
    const inner = gelu(linear(layer.in('intermediate').in('dense'), crossed, text.feedForward))
    x = residual(layer.in('output'), text, inner, crossed)
  }
  return { output: x, cache }
}

/** Scores of the next token. Its weights are not tied to the embeddings. hidden: [rows, tokens, width] -> [rows, vocabulary] */
export function blipNextToken(p: Scope, { text }: BlipConfig, hidden: Tensor): Tensor {
  const [rows, tokens] = hidden.shape as [number, number]
  const last = reshape(slice(hidden, 1, tokens - 1, tokens), [rows, text.width])
  const head = p.in('text_decoder').in('cls').in('predictions')
  const transformed = gelu(linear(head.in('transform').in('dense'), last, text.width))
  const normed = layerNorm(head.in('transform').in('LayerNorm'), transformed, text.layerNormEpsilon)
  const weight = head.in('decoder').parameter('weight', [text.vocabularySize, text.width], normal(INITIAL_STD))
  return head.draw(() => gLinear(normed, weight, head.parameter('bias', [text.vocabularySize], zeros)))
}

const layerScope = (p: Scope, index: number): Scope =>
  p.in('text_decoder').in('bert').in('encoder').in('layer').in(index)

function selfAttention(p: Scope, config: BlipTextConfig, x: Tensor, past: KeyValue | undefined, bias?: Tensor) {
  const self = p.in('self')
  const heads = (name: string) => splitHeads(linear(self.in(name), x, config.width), config.heads)
  const extend = (old: Tensor | undefined, fresh: Tensor) => (old ? concat([old, fresh], 2) : fresh)
  return p.draw(() => {
    const keyValue = { key: extend(past?.key, heads('key')), value: extend(past?.value, heads('value')) }
    const { output } = attend(heads('query'), keyValue.key, keyValue.value, bias)
    return { keyValue, output: residual(p.in('output'), config, mergeHeads(output), x) }
  })
}

/** All tokens of all texts of a picture ask it at once, so its keys and values are never copied for each text. */
function crossAttention(p: Scope, config: BlipTextConfig, x: Tensor, { key, value }: KeyValue): Tensor {
  const [rows, tokens, width] = x.shape as [number, number, number]
  const pictures = key.size(0) as number
  return p.draw(() => {
    const asked = reshape(linear(p.in('self').in('query'), x, width), [pictures, (rows / pictures) * tokens, width])
    const { output } = attend(splitHeads(asked, config.heads), key, value)
    return residual(p.in('output'), config, reshape(mergeHeads(output), [rows, tokens, width]), x)
  })
}

/** Projection, residual, LayerNorm: the order of post-norm BERT. */
const residual = (p: Scope, config: BlipTextConfig, inner: Tensor, x: Tensor): Tensor =>
  layerNorm(p.in('LayerNorm'), add(linear(p.in('dense'), inner, config.width), x), config.layerNormEpsilon)
