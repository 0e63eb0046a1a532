import { DisposedError, ModelNotFoundError } from '../errors.js'
import { Tokenizer } from '../text/tokenizer.js'
import { type ModelConfig, type ModelDirectory, type ModelPart, readModelDirectory } from '../weights/modelDirectory.js'
import type { ExecutionOptions } from './batchedFunction.js'
import { type Caption, Captioner, type CaptionOptions } from './captioner.js'
import { type EncodedImage, ImageEncoder, type ImageInput } from './imageEncoder.js'
import { loadModelWeights } from './modelWeights.js'
import { cosine, type MatchLogits, matchProbability, type Pair, Retriever } from './retriever.js'

export interface LoadOptions extends ExecutionOptions {
  readonly signal?: AbortSignal
}

export interface TaskOptions {
  /** Stops between batches with an AbortError. */
  readonly signal?: AbortSignal
}

/** How well a picture and a text fit, by the two objectives of stage 1. */
export interface Match {
  /** Probability that they match, from the joint pass over both. */
  readonly itm: number
  /** Cosine of their vectors, the best over the queries. */
  readonly itc: number
}

/**
 * A BLIP-2 model ready to use. One picture or text gives one result, an array gives an array. Calls may overlap; they
 * run one after another. Dispose it when done: the runtime's memory is not seen by the garbage collector.
 *
 * Every method throws an ImageError for a picture that cannot be read, an AbortError when its signal fires, and a
 * DisposedError after `dispose`.
 */
export class Blip2 {
  readonly config: ModelConfig
  readonly #encoder: ImageEncoder
  readonly #retriever: Retriever | undefined
  readonly #captioner: Captioner | undefined
  readonly #path: string
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  private constructor(
    { config, path }: ModelDirectory,
    encoder: ImageEncoder,
    retriever: Retriever | undefined,
    captioner: Captioner | undefined,
  ) {
    this.config = config
    this.#path = path
    this.#encoder = encoder
    this.#retriever = retriever
    this.#captioner = captioner
  }

  /**
   * Opens a model directory.
   *
   * @throws ModelNotFoundError, ConfigError or WeightsError when there is no model, its configuration is wrong, or its
   * weights do not fit it.
   */
  static async fromPretrained(path: string, options: LoadOptions = {}): Promise<Blip2> {
    const { signal, ...execution } = options
    signal?.throwIfAborted()
    const directory = await readModelDirectory(path)
    const { config } = directory
    const weights = await loadModelWeights(directory)
    signal?.throwIfAborted()
    const tokenizer = (name: 'qformer' | 'language') => Tokenizer.fromFile(directory.tokenizerPath(name))
    const { vision, stage1, stage2, language } = weights
    return new Blip2(
      directory,
      new ImageEncoder(config, vision, execution),
      stage1 && new Retriever(config, stage1, await tokenizer('qformer'), execution),
      stage2 && language && new Captioner(config, { stage2, language }, await tokenizer('language'), execution),
    )
  }

  /** Runs the frozen encoder once; what it gives may be passed to the other methods in the picture's place. */
  encode(image: ImageInput, options?: TaskOptions): Promise<EncodedImage>
  encode(images: readonly ImageInput[], options?: TaskOptions): Promise<EncodedImage[]>
  encode(images: OneOrMany<ImageInput>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => forEach(images, (all) => this.#encoder.encode(all, signal)))
  }

  /** Describes pictures. Needs stage 2. */
  caption(image: ImageInput, options?: CaptionOptions): Promise<Caption>
  caption(images: readonly ImageInput[], options?: CaptionOptions): Promise<Caption[]>
  caption(images: OneOrMany<ImageInput>, options: CaptionOptions = {}) {
    return this.#exclusive(() => {
      const captioner = this.#captioner ?? this.#missing('captions', ['stage2', 'language'])
      return forEach(images, async (all) => captioner.caption(await this.#encoder.encode(all, options.signal), options))
    })
  }

  /** Compares each picture with each text, in their order. Needs stage 1. */
  match(image: ImageInput, texts: readonly string[], options?: TaskOptions): Promise<Match[]>
  match(images: readonly ImageInput[], texts: readonly string[], options?: TaskOptions): Promise<Match[][]>
  match(images: OneOrMany<ImageInput>, texts: readonly string[], { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const retriever = this.#stage1('matching')
      return forEach(images, async (all) => {
        const encoded = await this.#encoder.encode(all, signal)
        const imageVectors = await retriever.embedImages(encoded, signal)
        const textVectors = await retriever.embedTexts(texts, signal)
        const logits = await retriever.matchLogits(
          encoded.flatMap((image) => texts.map((text): Pair => [image, text])),
          signal,
        )
        return imageVectors.map((vectors, i) =>
          textVectors.map((vector, t): Match => {
            return { itm: matchProbability(logits[i * texts.length + t]!), itc: cosine(vectors, vector) }
          }),
        )
      })
    })
  }

  /**
   * Raw logits of "no match" and "match" for pairs of any pictures and texts, averaged over the queries: for
   * re-ranking, where the second is added to the cosine (authors' code). Needs stage 1.
   */
  matchLogits(pairs: readonly Pair[], { signal }: TaskOptions = {}): Promise<MatchLogits[]> {
    return this.#exclusive(async () => this.#stage1('matching').matchLogits(pairs, signal))
  }

  /** Unit vectors of a picture, one per query: [queries, embeddingWidth], row-major. Needs stage 1. */
  embedImage(image: ImageInput, options?: TaskOptions): Promise<Float32Array>
  embedImage(images: readonly ImageInput[], options?: TaskOptions): Promise<Float32Array[]>
  embedImage(images: OneOrMany<ImageInput>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const retriever = this.#stage1('embedding')
      return forEach(images, async (all) => retriever.embedImages(await this.#encoder.encode(all, signal), signal))
    })
  }

  /** The unit vector of a text: [embeddingWidth]. Needs stage 1. */
  embedText(text: string, options?: TaskOptions): Promise<Float32Array>
  embedText(texts: readonly string[], options?: TaskOptions): Promise<Float32Array[]>
  embedText(texts: OneOrMany<string>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => forEach(texts, (all) => this.#stage1('embedding').embedTexts(all, signal)))
  }

  /** Frees the runtime's memory after the calls under way; a second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#last
    await Promise.all([this.#encoder.dispose(), this.#retriever?.dispose(), this.#captioner?.dispose()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** Compiled functions share their buffers between runs, so overlapping calls wait for each other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) return Promise.reject(new DisposedError('this model was disposed; open it again'))
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #stage1(task: string): Retriever {
    return this.#retriever ?? this.#missing(task, ['stage1'])
  }

  #missing(task: string, parts: readonly ModelPart[]): never {
    const files = parts.map((part) => `${part}.safetensors`).join(' and ')
    const stage = parts.includes('stage1') ? 'stage1' : 'stage2'
    throw new ModelNotFoundError(
      `${task} needs ${files}, which ${this.#path} does not have. Train it with "blip2 pretrain ${stage}", or open a model that has both stages, such as models/emoji`,
    )
  }
}

type OneOrMany<T> = T | readonly T[]

/** One input gives one result, an array gives an array. */
async function forEach<In, Out>(
  input: OneOrMany<In>,
  run: (all: readonly In[]) => Promise<readonly Out[]>,
): Promise<Out | readonly Out[]> {
  if (Array.isArray(input)) return input.length === 0 ? [] : run(input)
  const [only] = await run([input as In])
  return only!
}
