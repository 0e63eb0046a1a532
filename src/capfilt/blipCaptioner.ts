import { join } from 'node:path'
import { generate } from '../generate/generate.js'
import { DEFAULT_GENERATION, type Generated, type GenerationOptions } from '../generate/options.js'
import { namedCache } from '../generate/keyValueCache.js'
import type { RgbPicture } from '../image/resize.js'
import { blipDecode, blipFeatures, blipNextToken, blipPicture, type BlipConfig } from '../models/blip.js'
import { Graph } from '../graph/index.js'
import { Scope } from '../nn/scope.js'
import { FunctionCache } from '../runtime/index.js'
import { BatchedFunction, type ExecutionOptions } from '../tasks/batchedFunction.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import { huggingFaceBlip } from '../weights/names/blip.js'
import { type BlipDirectory, readBlipDirectory } from './blipDirectory.js'
import { BlipDecoder, PICTURE } from './blipDecoder.js'
import type { CandidateOptions, Captioner } from './captioner.js'
import { openDirectoryWeights } from './directoryWeights.js'
import { pixelBatch } from './pixelBatch.js'

/** Pictures whose captions are drawn together: with ten of each that is 80 texts, and 340 MB of keys for BLIP-large. */
const CHUNK = 8

/** `generate` of the authors' code of BLIP when it samples; its lengths count the first token and the prompt, four tokens. */
const AUTHORS = { prompt: 'a picture of', minNewTokens: 6, maxNewTokens: 26, repetitionPenalty: 1.1 } as const

/** BLIP's captioner (ViT-L/16 at 384 pixels and a BERT decoder in the paper), from a directory of Hugging Face's. */
export class BlipCaptioner implements Captioner {
  readonly #directory: BlipDirectory
  readonly #tokenizer: Tokenizer
  readonly #weights: GraphWeights
  readonly #execution: ExecutionOptions
  readonly #pictures: BatchedFunction<'images', string>
  readonly #functions = new FunctionCache()

  private constructor(
    directory: BlipDirectory,
    tokenizer: Tokenizer,
    weights: GraphWeights,
    execution: ExecutionOptions,
  ) {
    const { config } = directory
    this.#directory = directory
    this.#tokenizer = tokenizer
    this.#weights = weights
    this.#execution = execution
    this.#pictures = new BatchedFunction(
      (p, { images }) => namedCache(blipPicture(p, config, blipFeatures(p, config, images)), PICTURE),
      { ...weights, prepack: true },
      execution,
    )
  }

  /**
   * @param json The content of config.json.
   * @throws ConfigError or WeightsError where the directory holds no such model.
   */
  static async open(path: string, json: unknown, execution: ExecutionOptions): Promise<BlipCaptioner> {
    const directory = await readBlipDirectory(path, json)
    const weights = await openDirectoryWeights(
      path,
      ({ tensors }) => huggingFaceBlip(tensors),
      specsOf(directory.config),
    )
    const tokenizer = await Tokenizer.fromFile(join(path, 'tokenizer.json'))
    return new BlipCaptioner(directory, tokenizer, weights, execution)
  }

  async captions(pictures: readonly RgbPicture[], options: CandidateOptions): Promise<string[][]> {
    const { count, prompt = AUTHORS.prompt, ...drawing } = options
    const found = await this.generate(pictures, prompt, {
      ...DEFAULT_GENERATION,
      ...AUTHORS,
      ...drawing,
      numReturnSequences: count,
      doSample: true,
    })
    return found.map((own) => own.map(({ ids }) => this.#tokenizer.decode(ids).trim()))
  }

  /** Continues the prompt for each picture, by any kind of search; the end token is the model's own. */
  async generate(
    pictures: readonly RgbPicture[],
    prompt: string,
    options: Omit<GenerationOptions, 'endTokens'>,
  ): Promise<Generated[][]> {
    const { config, pixels, firstToken, endToken } = this.#directory
    const tokens = [firstToken, ...this.#tokenizer.encode(prompt, { addSpecialTokens: false })]
    const found: Generated[][] = []
    for (let start = 0; start < pictures.length; start += CHUNK) {
      const chunk = pictures.slice(start, start + CHUNK)
      const keys = await this.#pictures.run({ images: pixelBatch(chunk, pixels) }, options.signal)
      const search = { pictures: keys, count: chunk.length, prompt: tokens, maxNewTokens: options.maxNewTokens }
      const decoder = new BlipDecoder(config, this.#functions, { ...this.#execution, ...this.#weights }, search)
      found.push(...(await generate(decoder, { ...options, promptTokens: tokens, endTokens: [endToken] })))
    }
    return found
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#pictures.dispose(), this.#functions.dispose()])
  }
}

/** The weights that the model's graphs declare. */
function specsOf(config: BlipConfig): Scope['specs'] {
  const graph = new Graph()
  const p = new Scope(graph)
  const { imageSize } = config.vision
  const features = blipFeatures(p, config, graph.input('images', 'float32', [1, 3, imageSize, imageSize]))
  const ids = graph.input('ids', 'int64', [1, 1])
  const picture = blipPicture(p, config, features)
  blipNextToken(p, config, blipDecode(p, config, { ids, positions: ids, picture }).output)
  return p.specs
}
