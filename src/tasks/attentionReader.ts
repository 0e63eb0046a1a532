import { visionNorm } from '../models/blip2.js'
import { bidirectionalBias, qformer, queryTokens } from '../models/qformer.js'
import { onesLike } from '../nn/attention.js'
import type { Scope } from '../nn/scope.js'
import type { Tensor } from '../graph/graph.js'
import { int64, type Value } from '../runtime/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'
import { type EncodedImage, splitRows, stackFeatures } from './imageEncoder.js'
import type { QFormerTexts } from './qformerTexts.js'

/** Where the queries look in a picture. */
export interface PictureAttention {
  /** The Q-Former's layers with cross-attention, first to last. */
  readonly layers: readonly LayerAttention[]
  readonly heads: number
  readonly queries: number
  /** The encoder's patches: so many rows from top to bottom, columns from left to right. */
  readonly rows: number
  readonly columns: number
}

export interface LayerAttention {
  /** Its place among all layers, from 0. */
  readonly layer: number
  /** Float32Array [heads, queries, 1 + rows * columns]: probabilities of the class token and of each patch. */
  readonly probabilities: Float32Array
}

/** Pictures at a time: attention of all layers and heads is large. */
const CHUNK = 16

/** Cross-attention of the Q-Former, of the queries alone or together with a text. */
export class AttentionReader {
  readonly #config: ModelConfig
  readonly #alone: BatchedFunction<'features', string>
  readonly #joint: BatchedFunction<'features' | 'ids' | 'mask', string>

  constructor(config: ModelConfig, weights: GraphWeights, options: ExecutionOptions) {
    this.#config = config
    this.#alone = new BatchedFunction((p, { features }) => crossAttention(p, config, features), weights, options)
    this.#joint = new BatchedFunction(
      (p, { features, ids, mask }) => crossAttention(p, config, features, { ids, mask }),
      weights,
      options,
    )
  }

  /** The queries' pass over each picture alone. */
  ofPictures(images: readonly EncodedImage[], signal?: AbortSignal): Promise<PictureAttention[]> {
    return this.#read(images, (features) => this.#alone.run({ features }, signal))
  }

  /** The joint pass, in which the queries see the text as well. */
  ofPairs(
    images: readonly EncodedImage[],
    texts: readonly string[],
    encode: QFormerTexts,
    signal?: AbortSignal,
  ): Promise<PictureAttention[]> {
    return this.#read(images, (features, start, end) => {
      const { ids, mask, shape } = encode(texts.slice(start, end))
      return this.#joint.run({ features, ids: int64(shape, ids), mask: int64(shape, mask) }, signal)
    })
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#alone.dispose(), this.#joint.dispose()])
  }

  async #read(
    images: readonly EncodedImage[],
    run: (features: Value, start: number, end: number) => Promise<Record<string, Value>>,
  ): Promise<PictureAttention[]> {
    const { vision, qformer: sizes } = this.#config
    const side = vision.imageSize / vision.patchSize
    const found: PictureAttention[] = []
    for (let start = 0; start < images.length; start += CHUNK) {
      const part = images.slice(start, start + CHUNK)
      const outputs = await run(stackFeatures(part, vision.width), start, start + CHUNK)
      const layers = Object.entries(outputs).map(([layer, value]) => [Number(layer), splitRows(value)] as const)
      part.forEach((_, i) => {
        found.push({
          layers: layers.map(([layer, rows]) => ({ layer, probabilities: rows[i]! })),
          heads: sizes.heads,
          queries: sizes.queries,
          rows: side,
          columns: side,
        })
      })
    }
    return found
  }
}

/** -> by layer [batch, heads, queries, patches] */
function crossAttention(
  p: Scope,
  config: ModelConfig,
  features: Tensor,
  text?: { readonly ids: Tensor; readonly mask: Tensor },
): Record<string, Tensor> {
  const image = visionNorm(p, config, features)
  const queries = queryTokens(p, config.qformer, image)
  const joint = text && {
    textIds: text.ids,
    attentionBias: bidirectionalBias(text.mask, onesLike(image.graph, queries.shape.slice(0, 2))),
  }
  const { crossAttention: byLayer } = qformer(p.in('Qformer'), config.qformer, { queries, image, ...joint })
  return Object.fromEntries([...byLayer].map(([layer, probabilities]) => [String(layer), probabilities]))
}
