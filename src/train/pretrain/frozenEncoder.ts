import { Graph } from '../../graph/index.js'
import { type ClipVitConfig, clipVit, patchCount } from '../../models/vit.js'
import { Scope } from '../../nn/scope.js'
import { CompiledFunction, float32, type Value } from '../../runtime/index.js'

/** An image encoder as stage 1 and 2 see it: pictures in, tokens out, nothing to train. */
export interface EncoderWeights {
  readonly config: ClipVitConfig
  /** Normalisation of pictures. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** By the names under 'visual_encoder'. */
  readonly weights: ReadonlyMap<string, Float32Array>
}

/** The frozen encoder for one batch size; its weights are constants of the graph and cannot change. */
export class FrozenEncoder {
  /** Tokens of a picture, the class token included. */
  readonly tokens: number
  readonly config: ClipVitConfig
  readonly #compiled: CompiledFunction<'features'>

  private constructor(config: ClipVitConfig, compiled: CompiledFunction<'features'>) {
    this.config = config
    this.tokens = 1 + patchCount(config)
    this.#compiled = compiled
  }

  static async create({ config, weights }: EncoderWeights, batch: number): Promise<FrozenEncoder> {
    const graph = new Graph()
    const images = graph.input('images', 'float32', [batch, 3, config.imageSize, config.imageSize])
    const { output } = clipVit(new Scope(graph, 'visual_encoder'), config, images)
    const compiled = await CompiledFunction.create(
      graph,
      { features: output },
      {
        weight: (name) => {
          const data = weights.get(name)!
          return {
            kind: 'embedded',
            dtype: 'float32',
            bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          }
        },
      },
    )
    return new FrozenEncoder(config, compiled)
  }

  /** images: [batch, 3, size, size], normalised -> [batch, tokens, width]; overwritten by the next call. */
  async encode(images: Float32Array, batch: number): Promise<Value> {
    const { imageSize } = this.config
    const { features } = await this.#compiled.run({ images: float32([batch, 3, imageSize, imageSize], images) })
    return features
  }

  dispose(): Promise<void> {
    return this.#compiled.dispose()
  }
}
