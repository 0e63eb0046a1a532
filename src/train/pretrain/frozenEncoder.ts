import { Graph } from '../../graph/index.js'
import { elementCount } from '../../graph/types.js'
import { type ImageEncoderConfig, imageFeatures } from '../../models/imageEncoder.js'
import { patchCount } from '../../models/vit.js'
import { Scope } from '../../nn/scope.js'
import { CompiledFunction, type CompileOptions, float32, type Value } from '../../runtime/index.js'
import type { GraphWeights } from '../../weights/heldWeights.js'
import { joinRows } from './rankInputs.js'

/** An image encoder as stage 1 and 2 see it: pictures in, tokens out, nothing to train. */
export interface EncoderWeights {
  readonly config: ImageEncoderConfig
  /** Normalisation of pictures. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /**
   * Its weights, by the names under 'visual_encoder': in memory, or mapped from a file however large they are. Called where
   * it is to run only, which it is not where its features are read from a cache.
   */
  readonly open: () => Promise<GraphWeights>
}

/** The frozen encoder for one batch size; its weights are constants of the graph and cannot change. */
export class FrozenEncoder {
  /** Tokens of a picture, the class token included. */
  readonly tokens: number
  readonly #imagesShape: readonly number[]
  readonly #compiled: CompiledFunction<'features'>

  private constructor(tokens: number, imagesShape: readonly number[], compiled: CompiledFunction<'features'>) {
    this.tokens = tokens
    this.#imagesShape = imagesShape
    this.#compiled = compiled
  }

  /** @throws as `open`; WeightsError for a weight that is missing */
  static async create(
    { config, open }: EncoderWeights,
    batch: number,
    settings: Pick<CompileOptions, 'threads'> = {},
  ): Promise<FrozenEncoder> {
    const graph = new Graph()
    const shape = [batch, 3, config.imageSize, config.imageSize]
    const p = new Scope(graph)
    const features = imageFeatures(p, config, graph.input('images', 'float32', shape))
    // Bound by arithmetic, so it is repacked even where that takes a second copy of a file that is mapped.
    const options = { ...(await open()), prepack: true, ...settings }
    const compiled = await CompiledFunction.create(graph, { features }, options)
    return new FrozenEncoder(1 + patchCount(config), shape, compiled)
  }

  /**
   * images: [pictures, 3, size, size], normalised, a whole number of batches -> [pictures, tokens, width]; overwritten by
   * the next call.
   */
  async encode(images: Float32Array): Promise<Value> {
    const size = elementCount(this.#imagesShape)
    if (images.length === size) return this.#encodeBatch(images)
    const batches: Value<'float32'>[] = []
    for (let start = 0; start < images.length; start += size) {
      const { shape, data } = await this.#encodeBatch(images.subarray(start, start + size))
      batches.push(float32(shape, (data as Float32Array).slice()))
    }
    return joinRows(batches)
  }

  async #encodeBatch(images: Float32Array): Promise<Value> {
    const { features } = await this.#compiled.run({ images: float32(this.#imagesShape, images) })
    return features
  }

  dispose(): Promise<void> {
    return this.#compiled.dispose()
  }
}
