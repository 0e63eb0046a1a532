import { Graph } from '../../graph/index.js'
import { elementCount } from '../../graph/types.js'
import { OnnxEncoder } from '../../frozen/onnxEncoder.js'
import { type AnyEncoderConfig, featureTokens, imageFeatures, requireDrawn } from '../../models/imageEncoder.js'
import { Scope } from '../../nn/scope.js'
import { CompiledFunction, type CompileOptions, float32, type Value } from '../../runtime/index.js'
import type { GraphWeights } from '../../weights/heldWeights.js'
import type { OnnxPart } from '../../weights/onnxPart.js'
import { joinRows } from './rankInputs.js'

/** An image encoder as stage 1 and 2 see it: pictures in, tokens out, nothing to train. */
export interface EncoderWeights {
  readonly config: AnyEncoderConfig
  /** Normalisation of pictures. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /**
   * Its weights, by the names under 'visual_encoder': in memory, or mapped from a file however large they are. Or its ONNX
   * file. Called where it is to run only, which it is not where its features are read from a cache.
   */
  readonly open: () => Promise<GraphWeights | OnnxPart>
}

/** The frozen encoder for one batch size; its weights are constants of the graph and cannot change. */
export class FrozenEncoder {
  /** Tokens of a picture, the class token included. */
  readonly tokens: number
  readonly #imagesShape: readonly number[]
  readonly #function: EncoderFunction

  private constructor(tokens: number, imagesShape: readonly number[], encoderFunction: EncoderFunction) {
    this.tokens = tokens
    this.#imagesShape = imagesShape
    this.#function = encoderFunction
  }

  /** @throws as `open`; WeightsError for a weight that is missing */
  static async create(
    { config, open }: EncoderWeights,
    batch: number,
    settings: Pick<CompileOptions, 'threads'> = {},
  ): Promise<FrozenEncoder> {
    const shape = [batch, 3, config.imageSize, config.imageSize]
    const opened = await open()
    const encoderFunction =
      'onnx' in opened
        ? new OnnxEncoder(opened, settings)
        : await compileEncoder(config, shape, { ...opened, ...settings })
    return new FrozenEncoder(featureTokens(config), shape, encoderFunction)
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
    const { features } = await this.#function.run({ images: float32(this.#imagesShape, images) })
    return features
  }

  dispose(): Promise<void> {
    return this.#function.dispose()
  }
}

interface EncoderFunction {
  run(feeds: { readonly images: Value }): Promise<{ readonly features: Value }>
  dispose(): Promise<void>
}

function compileEncoder(
  config: AnyEncoderConfig,
  imagesShape: readonly number[],
  options: CompileOptions,
): Promise<EncoderFunction> {
  const graph = new Graph()
  const images = graph.input('images', 'float32', imagesShape)
  const features = imageFeatures(new Scope(graph), requireDrawn(config, 'an encoder with weights by name'), images)
  // Bound by arithmetic, so it is repacked even where that takes a second copy of a file that is mapped.
  return CompiledFunction.create(graph, { features }, { ...options, prepack: true })
}
