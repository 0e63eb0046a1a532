import type { Tensor } from '../graph/graph.js'
import { backward, mean, slice, sum } from '../graph/index.js'
import { matchHead, visionNorm } from '../models/blip2.js'
import { patchGrid } from '../models/imageEncoder.js'
import { bidirectionalBias, qformer, type QFormerOutput, queryTokens } from '../models/qformer.js'
import { onesLike } from '../nn/attention.js'
import type { Scope } from '../nn/scope.js'
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
  /** The same shape, where it was asked for: the derivative of ITM's "match" logit by each probability. */
  readonly gradients?: Float32Array
}

/** Pictures at a time: attention of all layers and heads is large. */
const CHUNK = 16

type PairInput = 'features' | 'ids' | 'mask'

/** Cross-attention of the Q-Former, of the queries alone or together with a text. */
export class AttentionReader {
  readonly #config: ModelConfig
  readonly #alone: BatchedFunction<'features', string>
  readonly #joint: BatchedFunction<PairInput, string>
  readonly #matching: BatchedFunction<PairInput, string>

  constructor(config: ModelConfig, weights: GraphWeights, options: ExecutionOptions) {
    this.#config = config
    this.#alone = new BatchedFunction(
      (p, { features }) => byName(queryPass(p, config, features).crossAttention, PROBABILITIES),
      weights,
      options,
    )
    this.#joint = new BatchedFunction(
      (p, { features, ...text }) => byName(queryPass(p, config, features, text).crossAttention, PROBABILITIES),
      weights,
      options,
    )
    this.#matching = new BatchedFunction(
      (p, { features, ...text }) => matchGradients(p, config, queryPass(p, config, features, text)),
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
    return this.#readPairs(this.#joint, images, texts, encode, signal)
  }

  /** The same with the gradients of the matching logit. Needs stage 1. */
  ofMatches(
    images: readonly EncodedImage[],
    texts: readonly string[],
    encode: QFormerTexts,
    signal?: AbortSignal,
  ): Promise<PictureAttention[]> {
    return this.#readPairs(this.#matching, images, texts, encode, signal)
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#alone, this.#joint, this.#matching].map((part) => part.dispose()))
  }

  #readPairs(
    pass: BatchedFunction<PairInput, string>,
    images: readonly EncodedImage[],
    texts: readonly string[],
    encode: QFormerTexts,
    signal?: AbortSignal,
  ): Promise<PictureAttention[]> {
    return this.#read(images, (features, start, end) => {
      const { ids, mask, shape } = encode(texts.slice(start, end))
      return pass.run({ features, ids: int64(shape, ids), mask: int64(shape, mask) }, signal)
    })
  }

  async #read(
    images: readonly EncodedImage[],
    run: (features: Value, start: number, end: number) => Promise<Record<string, Value>>,
  ): Promise<PictureAttention[]> {
    const { vision, qformer: sizes } = this.#config
    const { rows, columns } = patchGrid(vision)
    const found: PictureAttention[] = []
    for (let start = 0; start < images.length; start += CHUNK) {
      const part = images.slice(start, start + CHUNK)
      const outputs = await run(stackFeatures(part, vision.width), start, start + CHUNK)
      const [probabilities, gradients] = [rowsByLayer(outputs, PROBABILITIES), rowsByLayer(outputs, GRADIENTS)]
      part.forEach((_, i) => {
        found.push({
          layers: [...probabilities].map(([layer, rows]) => {
            const own = gradients.get(layer)
            return { layer, probabilities: rows[i]!, ...(own ? { gradients: own[i]! } : {}) }
          }),
          heads: sizes.heads,
          queries: sizes.queries,
          rows,
          columns,
        })
      })
    }
    return found
  }
}

/** Outputs of a graph are named 'probabilities.0' and 'gradients.0', by layer. */
const PROBABILITIES = 'probabilities.'
const GRADIENTS = 'gradients.'

const byName = (byLayer: ReadonlyMap<number, Tensor>, prefix: string): Record<string, Tensor> =>
  Object.fromEntries([...byLayer].map(([layer, tensor]) => [`${prefix}${layer}`, tensor]))

/** -> by layer, the rows of the batch */
const rowsByLayer = (outputs: Readonly<Record<string, Value>>, prefix: string): Map<number, Float32Array[]> =>
  new Map(
    Object.entries(outputs)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [Number(name.slice(prefix.length)), splitRows(value)]),
  )

/** The queries' pass over pictures, or the joint pass over pictures and texts. */
function queryPass(
  p: Scope,
  config: ModelConfig,
  features: Tensor,
  text?: { readonly ids: Tensor; readonly mask: Tensor },
): QFormerOutput {
  const image = visionNorm(p, config, features)
  const queries = queryTokens(p, config.qformer, image)
  const joint = text && {
    textIds: text.ids,
    attentionBias: bidirectionalBias(text.mask, onesLike(image.graph, queries.shape.slice(0, 2))),
  }
  return qformer(p.in('Qformer'), config.qformer, { queries, image, ...joint })
}

/** Cross-attention, and what the "match" logit of each row, averaged over its queries, owes to each probability. */
function matchGradients(
  p: Scope,
  config: ModelConfig,
  { output, crossAttention }: QFormerOutput,
): Record<string, Tensor> {
  const logits = mean(matchHead(p, slice(output, 1, 0, config.qformer.queries)), [1])
  // Rows do not see each other, so the gradient of their sum is that of each.
  const match = sum(slice(logits, 1, 1, 2))
  const gradients = backward(match, [...crossAttention.values()])
  const ofLayer = new Map([...crossAttention].map(([layer, tensor]) => [layer, gradients.get(tensor)!.dense!]))
  return { ...byName(crossAttention, PROBABILITIES), ...byName(ofLayer, GRADIENTS) }
}
