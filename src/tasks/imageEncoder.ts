import { OnnxEncoder } from '../frozen/onnxEncoder.js'
import { decodeImage, type ImageSource } from '../image/decode.js'
import { writePixels } from '../image/preprocess.js'
import { imageFeatures, requireDrawn } from '../models/imageEncoder.js'
import { float32, type Value } from '../runtime/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import type { OnnxPart } from '../weights/onnxPart.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'

/** A picture after the frozen encoder. It may be given wherever a picture is, and is not encoded again. */
export class EncodedImage {
  /** [1 + patches, encoder width] */
  readonly features: Float32Array
  /** The same picture after the retrieval model's encoder, where the model has one beside it that differs. */
  readonly retrieval: EncodedImage | undefined

  constructor(features: Float32Array, retrieval?: EncodedImage) {
    this.features = features
    this.retrieval = retrieval
  }
}

/** A picture in any form, or encoded already. */
export type ImageInput = ImageSource | EncodedImage

/** Pictures decoded and encoded at a time: their pixels are not all held. */
const CHUNK = 128

/** The frozen vision encoder: drawn with weights by name, or an ONNX file. */
export class ImageEncoder {
  readonly #config: ModelConfig
  readonly #encode: Pick<BatchedFunction<'images', 'features'>, 'run' | 'dispose'>

  constructor(config: ModelConfig, weights: GraphWeights | OnnxPart, options: ExecutionOptions) {
    this.#config = config
    this.#encode = 'onnx' in weights ? new OnnxEncoder(weights, options) : drawnEncoder(config, weights, options)
  }

  /** Encodes the pictures that are not encoded yet. */
  async encode(images: readonly ImageInput[], signal?: AbortSignal): Promise<EncodedImage[]> {
    const encoded: EncodedImage[] = []
    for (let start = 0; start < images.length; start += CHUNK)
      encoded.push(...(await this.#encodeChunk(images.slice(start, start + CHUNK), signal)))
    return encoded
  }

  dispose(): Promise<void> {
    return this.#encode.dispose()
  }

  async #encodeChunk(images: readonly ImageInput[], signal?: AbortSignal): Promise<EncodedImage[]> {
    const sources = images.filter((image): image is ImageSource => !(image instanceof EncodedImage))
    if (sources.length === 0) return images as EncodedImage[]
    const { features } = await this.#encode.run({ images: await this.#pixels(sources, signal) }, signal)
    const rows = splitRows(features).map((row) => new EncodedImage(row))
    let next = 0
    return images.map((image) => (image instanceof EncodedImage ? image : rows[next++]!))
  }

  /** -> [pictures, 3, size, size] */
  async #pixels(sources: readonly ImageSource[], signal?: AbortSignal): Promise<Value> {
    const { vision, mean, std } = this.#config
    const size = vision.imageSize
    const shape = [sources.length, 3, size, size]
    const pixels = new Float32Array(sources.length * 3 * size * size)
    for (const [i, source] of sources.entries())
      writePixels(
        await decodeImage(source, signal),
        { size, mean, std },
        pixels.subarray(i * 3 * size * size, (i + 1) * 3 * size * size),
      )
    return float32(shape, pixels)
  }
}

function drawnEncoder(config: ModelConfig, weights: GraphWeights, options: ExecutionOptions) {
  const vision = requireDrawn(config.vision, 'an encoder with weights by name')
  return new BatchedFunction<'images', 'features'>(
    (p, { images }) => ({ features: imageFeatures(p, vision, images) }),
    weights,
    options,
  )
}

/** The features of pictures as one input. -> [pictures, 1 + patches, encoder width] */
export function stackFeatures(images: readonly EncodedImage[], encoderWidth: number): Value {
  const size = images[0]!.features.length
  const all = new Float32Array(images.length * size)
  images.forEach(({ features }, i) => {
    all.set(features, i * size)
  })
  return float32([images.length, size / encoderWidth, encoderWidth], all)
}

/** Each row of a float32 value, alone on its memory. */
export function splitRows({ shape, data }: Value): Float32Array[] {
  const rows = shape[0]!
  const size = data.length / rows
  return Array.from({ length: rows }, (_, i) => (data as Float32Array).slice(i * size, (i + 1) * size))
}
