import type { EmojiPicture } from '../../data/emoji/dataset.js'
import { PICTURE_SIZE } from '../../data/emoji/render.js'
import { Graph, type Tensor } from '../../graph/index.js'
import { createEvaluationView } from '../../image/augment.js'
import { IMAGE_ENCODER } from '../../models/imageEncoder.js'
import { clipVit } from '../../models/vit.js'
import { Scope } from '../../nn/scope.js'
import { CompiledFunction, float32, type Value } from '../../runtime/index.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { weightFeeds } from '../program.js'
import type { Drawings } from './batches.js'
import type { VisionTrainingConfig } from './trainVision.js'

const BATCH = 64

/** The encoder with its weights as they are in the optimiser's memory, over drawings seen whole on white. */
export class DrawingEncoder {
  readonly #config: VisionTrainingConfig
  readonly #compiled: CompiledFunction<'vectors'>
  readonly #weights: Record<string, Value>

  private constructor(
    config: VisionTrainingConfig,
    compiled: CompiledFunction<'vectors'>,
    weights: Record<string, Value>,
  ) {
    this.#config = config
    this.#compiled = compiled
    this.#weights = weights
  }

  /** @param head Draws one vector for each picture from its tokens: [batch, 1 + patches, width] -> [batch, any] */
  static async create(
    config: VisionTrainingConfig,
    memory: ParameterMemory,
    head: (p: Scope, tokens: Tensor) => Tensor,
  ): Promise<DrawingEncoder> {
    const { vision } = config
    const graph = new Graph()
    const p = new Scope(graph)
    const images = graph.input('images', 'float32', [BATCH, 3, vision.imageSize, vision.imageSize])
    const vectors = head(p, clipVit(p.in(IMAGE_ENCODER), vision, images).output)
    const compiled = await CompiledFunction.create(graph, { vectors })
    return new DrawingEncoder(config, compiled, weightFeeds(memory, p.specs.values()))
  }

  /** -> one row for each picture */
  async encode(data: Drawings, pictures: readonly EmojiPicture[]): Promise<Float32Array> {
    const { vision, mean, std } = this.#config
    const size = vision.imageSize
    const view = createEvaluationView({ size, mean, std })
    const images = new Float32Array(BATCH * 3 * size * size)
    const feeds = { ...this.#weights, images: float32([BATCH, 3, size, size], images) }
    let all = new Float32Array()
    for (let start = 0; start < pictures.length; start += BATCH) {
      const part = pictures.slice(start, start + BATCH)
      part.forEach((picture, i) => {
        view({ rgba: data.rgba(picture), size: PICTURE_SIZE }, images, i * 3 * size * size)
      })
      const { vectors } = await this.#compiled.run(feeds)
      const width = vectors.data.length / BATCH
      if (start === 0) all = new Float32Array(pictures.length * width)
      all.set((vectors.data as Float32Array).subarray(0, part.length * width), start * width)
    }
    return all
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#compiled.dispose()
  }
}
