import { join } from 'node:path'
import { cropPicture } from '../data/loader/randomCrop.js'
import { Graph } from '../graph/index.js'
import { type RgbPicture, resizeTo } from '../image/resize.js'
import { type ClipConfig, clipImageEmbedding, clipTextEmbedding } from '../models/clip.js'
import { Scope } from '../nn/scope.js'
import { float32, int64, type Value } from '../runtime/index.js'
import { BatchedFunction, type ExecutionOptions } from '../tasks/batchedFunction.js'
import { splitRows } from '../tasks/imageEncoder.js'
import { cosine } from '../tasks/retriever.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import { huggingFaceClip } from '../weights/names/clip.js'
import { type ClipDirectory, readClipDirectory } from './clipDirectory.js'
import { openDirectoryWeights } from './directoryWeights.js'
import { pixelBatch } from './pixelBatch.js'
import { embedDistinct, type Ranker } from './ranker.js'

/** Texts are padded to a multiple of this many tokens: each length is compiled once. */
const TOKEN_STEP = 8

/** CLIP as a ranker (ViT-L/14 in the paper), from a directory of Hugging Face's. */
export class ClipRanker implements Ranker {
  readonly #directory: ClipDirectory
  readonly #tokenizer: Tokenizer
  readonly #images: BatchedFunction<'images', 'vectors'>
  readonly #texts: BatchedFunction<'ids' | 'end', 'vectors'>

  private constructor(
    directory: ClipDirectory,
    tokenizer: Tokenizer,
    weights: GraphWeights,
    execution: ExecutionOptions,
  ) {
    const { config } = directory
    this.#directory = directory
    this.#tokenizer = tokenizer
    this.#images = new BatchedFunction(
      (p, { images }) => ({ vectors: clipImageEmbedding(p, config, images) }),
      { ...weights, prepack: true },
      execution,
    )
    this.#texts = new BatchedFunction(
      (p, { ids, end }) => ({ vectors: clipTextEmbedding(p, config, ids, end) }),
      weights,
      execution,
    )
  }

  /**
   * @param json The content of config.json.
   * @throws ConfigError or WeightsError where the directory holds no such model.
   */
  static async open(path: string, json: unknown, execution: ExecutionOptions): Promise<ClipRanker> {
    const directory = await readClipDirectory(path, json)
    const weights = await openDirectoryWeights(path, () => huggingFaceClip, specsOf(directory.config))
    const tokenizer = await Tokenizer.fromFile(join(path, 'tokenizer.json'))
    return new ClipRanker(directory, tokenizer, weights, execution)
  }

  async similarities(
    pictures: readonly RgbPicture[],
    texts: readonly (readonly string[])[],
    signal?: AbortSignal,
  ): Promise<number[][]> {
    const images = await this.embedImages(pictures, signal)
    const vectors = await embedDistinct(texts, (distinct) => this.embedTexts(distinct, signal))
    return vectors.map((own, i) => own.map((vector) => cosine(images[i]!, vector)))
  }

  /** A unit vector per picture. */
  async embedImages(pictures: readonly RgbPicture[], signal?: AbortSignal): Promise<Float32Array[]> {
    const { pixels } = this.#directory
    const squares = pictures.map((picture) => middleSquare(picture, pixels.size))
    const { vectors } = await this.#images.run({ images: pixelBatch(squares, pixels) }, signal)
    return splitRows(vectors)
  }

  /** A unit vector per text; a text that is too long is cut, as CLIP's own code does with `truncate`. */
  async embedTexts(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    if (texts.length === 0) return []
    const { vectors } = await this.#texts.run(this.#tokens(texts), signal)
    return splitRows(vectors)
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#images.dispose(), this.#texts.dispose()])
  }

  #tokens(texts: readonly string[]): { ids: Value; end: Value } {
    const { maxPositions } = this.#directory.config.text
    const rows = texts.map((text) => this.#tokenizer.encode(text, { maxLength: maxPositions }))
    const longest = Math.max(...rows.map((row) => row.length))
    const length = Math.min(Math.ceil(longest / TOKEN_STEP) * TOKEN_STEP, maxPositions)
    const [ids, end] = [new BigInt64Array(rows.length * length), new Float32Array(rows.length * length)]
    rows.forEach((row, r) => {
      row.forEach((id, i) => {
        ids[r * length + i] = BigInt(id)
      })
      end[r * length + row.length - 1] = 1
    })
    return { ids: int64([rows.length, length], ids), end: float32([rows.length, 1, length], end) }
  }
}

/** Resized by the shorter side and cut in the middle, as CLIP's own pictures are. */
function middleSquare(picture: RgbPicture, size: number): RgbPicture {
  const shorter = Math.min(picture.width, picture.height)
  const width = Math.trunc((size * picture.width) / shorter)
  const height = Math.trunc((size * picture.height) / shorter)
  const resized = { rgb: resizeTo(picture, { width, height }), width, height }
  const [left, top] = [Math.floor((width - size) / 2), Math.floor((height - size) / 2)]
  return cropPicture(resized, { left, top, width: size, height: size })
}

/** The weights that the model's graphs declare. */
function specsOf(config: ClipConfig): Scope['specs'] {
  const graph = new Graph()
  const p = new Scope(graph)
  const { imageSize } = config.vision
  clipImageEmbedding(p, config, graph.input('images', 'float32', [1, 3, imageSize, imageSize]))
  clipTextEmbedding(p, config, graph.input('ids', 'int64', [1, 1]), graph.input('end', 'float32', [1, 1, 1]))
  return p.specs
}
