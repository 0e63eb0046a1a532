import { mean } from '../graph/index.js'
import { encodeText, imageEmbedding, joint, matchHead, queryImage, textEmbedding, visionNorm } from '../models/blip2.js'
import { int64, type Value } from '../runtime/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'
import { type EncodedImage, splitRows, stackFeatures } from './imageEncoder.js'
import type { QFormerTexts } from './qformerTexts.js'

/** A picture and a text whose fit is asked for. */
export type Pair = readonly [image: EncodedImage, text: string]

/** Raw logits of the two classes of ITM. */
export type MatchLogits = readonly [noMatch: number, match: number]

/** Pairs whose inputs are held at a time. */
const CHUNK = 128

/** The Q-Former of stage 1: vectors of pictures and texts, and whether the two match (paper 3.2). */
export class Retriever {
  readonly #config: ModelConfig
  readonly #encode: QFormerTexts
  readonly #images: BatchedFunction<'features', 'vectors'>
  readonly #texts: BatchedFunction<'ids' | 'mask', 'vectors'>
  readonly #pairs: BatchedFunction<'features' | 'ids' | 'mask', 'logits'>
  readonly #joint: BatchedFunction<'features' | 'ids' | 'mask', 'outputs'>

  constructor(config: ModelConfig, weights: GraphWeights, encode: QFormerTexts, options: ExecutionOptions) {
    this.#config = config
    this.#encode = encode
    this.#images = new BatchedFunction(
      (p, { features }) => {
        const { output } = queryImage(p, config, visionNorm(p, config, features))
        return { vectors: imageEmbedding(p, config, output) }
      },
      weights,
      options,
    )
    this.#texts = new BatchedFunction(
      (p, { ids, mask }) => ({ vectors: textEmbedding(p, config, encodeText(p, config, ids, mask)) }),
      weights,
      options,
    )
    this.#pairs = new BatchedFunction(
      (p, { features, ids, mask }) => {
        const queries = joint(p, config, visionNorm(p, config, features), ids, mask)
        // Averaged over the queries before the softmax (paper 3.2, ITM).
        return { logits: mean(matchHead(p, queries), [1]) }
      },
      weights,
      options,
    )
    this.#joint = new BatchedFunction(
      (p, { features, ids, mask }) => ({ outputs: joint(p, config, visionNorm(p, config, features), ids, mask) }),
      weights,
      options,
    )
  }

  /** Unit vectors, one per query: Float32Array [queries, embeddingWidth] for each picture. */
  async embedImages(images: readonly EncodedImage[], signal?: AbortSignal): Promise<Float32Array[]> {
    const found: Float32Array[] = []
    for (const part of chunks(images)) {
      const { vectors } = await this.#images.run({ features: this.#features(part) }, signal)
      found.push(...splitRows(vectors))
    }
    return found
  }

  /** A unit vector for each text: Float32Array [embeddingWidth]. */
  async embedTexts(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    if (texts.length === 0) return []
    const { vectors } = await this.#texts.run(this.#tokens(texts), signal)
    return splitRows(vectors)
  }

  /** Raw logits of "no match" and "match", averaged over the queries, for each pair. */
  async matchLogits(pairs: readonly Pair[], signal?: AbortSignal): Promise<MatchLogits[]> {
    const found: MatchLogits[] = []
    for (const part of chunks(pairs)) {
      const features = this.#features(part.map(([picture]) => picture))
      const { logits } = await this.#pairs.run({ features, ...this.#tokens(part.map(([, words]) => words)) }, signal)
      for (const row of splitRows(logits)) found.push([row[0]!, row[1]!])
    }
    return found
  }

  /** What the queries hold after reading picture and text: Float32Array [queries, width] for each pair. */
  async embedPairs(pairs: readonly Pair[], signal?: AbortSignal): Promise<Float32Array[]> {
    const found: Float32Array[] = []
    for (const part of chunks(pairs)) {
      const features = this.#features(part.map(([picture]) => picture))
      const { outputs } = await this.#joint.run({ features, ...this.#tokens(part.map(([, words]) => words)) }, signal)
      found.push(...splitRows(outputs))
    }
    return found
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#images, this.#texts, this.#pairs, this.#joint].map((part) => part.dispose()))
  }

  #features(images: readonly EncodedImage[]): Value {
    return stackFeatures(images, this.#config.vision.width)
  }

  #tokens(texts: readonly string[]): { ids: Value; mask: Value } {
    const { ids, mask, shape } = this.#encode(texts)
    return { ids: int64(shape, ids), mask: int64(shape, mask) }
  }
}

/** Cosine of a picture and a text: the best of its queries. image: [queries, width], text: [width] */
export function cosine(image: Float32Array, text: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY
  for (let start = 0; start < image.length; start += text.length) {
    let product = 0
    for (let i = 0; i < text.length; i++) product += image[start + i]! * text[i]!
    best = Math.max(best, product)
  }
  return best
}

/** The probability of the second of two logits. */
export const matchProbability = ([no, yes]: MatchLogits): number => 1 / (1 + Math.exp(no - yes))

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK)
}
