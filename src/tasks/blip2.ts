import { DisposedError, ModelNotFoundError } from '../errors.js'
import type { ModelDtype } from '../quantize/weightBits.js'
import { Tokenizer } from '../text/tokenizer.js'
import { defaultCacheDirectory } from '../weights/cacheDirectory.js'
import type { ConversionProgress, WeightPlacement } from '../weights/graphWeights.js'
import type { DownloadProgress } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { type ModelConfig, type ModelDirectory, type ModelPart, readModelDirectory } from '../weights/modelDirectory.js'
import { type AskTask, askTask, type ChatTask, chatTask } from './answerer.js'
import { AttentionReader, type PictureAttention } from './attentionReader.js'
import type { ExecutionOptions } from './batchedFunction.js'
import { type CaptionTask, captionTask } from './captioner.js'
import { type EncodedImage, ImageEncoder, type ImageInput } from './imageEncoder.js'
import { openModelWeights } from './modelWeights.js'
import { forEach, type OneOrMany, pair } from './oneOrMany.js'
import { filteredPictureText, type OutputFilter } from './outputFilter.js'
import type { PictureText } from './pictureText.js'
import { type QFormerTexts, qformerTexts } from './qformerTexts.js'
import { cosine, type MatchLogits, matchProbability, type Pair, Retriever } from './retriever.js'
import { TextGenerator } from './textGenerator.js'

export interface LoadOptions extends ExecutionOptions {
  /**
   * 'memory' reads the weights, 'mapped' leaves them in their files (half types are converted once, into `cacheDir`).
   * Default: parts of 256 MiB and more, counted as float32, are mapped.
   */
  readonly weights?: WeightPlacement
  /**
   * 'q8' and 'q4' quantise the matrices of a component to 8 and 4 bits, once, into `cacheDir`: less memory and faster
   * decoding for small errors (see docs/quantization.md). Default: float32, or as the directory is quantised already.
   */
  readonly dtype?: ModelDtype
  /** Branch, tag or commit of a model of the hub (default 'main'). */
  readonly revision?: string
  /** Bytes while a model of the hub is fetched. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** For converted weights: 4 bytes a weight (default: $BLIP2_CACHE or blip2 in the user's cache folder). */
  readonly cacheDir?: string
  /** Bytes written while weights are converted. */
  readonly onConversion?: (progress: ConversionProgress) => void
  /** Sees every text that is written before the caller does, and may change or withhold it. */
  readonly outputFilter?: OutputFilter
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
  /** Describes pictures; `caption.stream` gives the text as it is written. */
  readonly caption: CaptionTask
  /** Answers questions about pictures; `ask.stream` gives the text as it is written. */
  readonly ask: AskTask
  /** Answers the last message of a conversation about a picture; `chat.stream` gives the text as it is written. */
  readonly chat: ChatTask
  /** Gone after disposal, so that a model that is still referred to holds nothing. */
  #parts: Parts | undefined
  readonly #path: string
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  private constructor({ config, path }: ModelDirectory, parts: Parts, filter: OutputFilter | undefined) {
    this.config = config
    this.#path = path
    this.#parts = parts
    const text = filter ? filteredPictureText(this.#pictureText(), filter) : this.#pictureText()
    this.caption = captionTask(text, config)
    this.ask = askTask(text, config.language.kind)
    this.chat = chatTask(text)
  }

  /**
   * Opens a model directory, or a model of the Hugging Face hub, which is fetched if need be (see `pullModel`).
   *
   * @param model a directory, or OWNER/NAME where there is no directory of that name
   * @throws ModelNotFoundError, ConfigError or WeightsError when there is no model, its configuration is wrong, or its
   * weights do not fit it.
   */
  static async fromPretrained(model: string, options: LoadOptions = {}): Promise<Blip2> {
    const {
      signal,
      outputFilter,
      weights,
      cacheDir = defaultCacheDirectory(),
      onConversion,
      dtype,
      revision,
      onDownload,
      ...execution
    } = options
    signal?.throwIfAborted()
    const directory = await readModelDirectory(
      await resolveModel(model, {
        ...(revision === undefined ? {} : { revision }),
        ...(onDownload ? { onProgress: onDownload } : {}),
        ...(signal ? { signal } : {}),
      }),
    )
    const { config } = directory
    const { vision, stage1, stage2, language } = await openModelWeights(directory, {
      cacheDirectory: cacheDir,
      ...(weights ? { weights } : {}),
      ...(dtype ? { dtype } : {}),
      ...(onConversion ? { onConversion } : {}),
      ...(signal ? { signal } : {}),
    })
    signal?.throwIfAborted()
    const tokenizer = (name: 'qformer' | 'language') => Tokenizer.fromFile(directory.tokenizerPath(name))
    const readsText = stage1 !== undefined || config.questionToQFormer === true
    const texts = readsText ? qformerTexts(await tokenizer('qformer'), config.text.maxTokens) : undefined
    const bridge = stage1 ?? stage2
    const parts: Parts = {
      encoder: new ImageEncoder(config, vision, execution),
      texts,
      retriever: stage1 && texts && new Retriever(config, stage1, texts, execution),
      attention: bridge && new AttentionReader(config, bridge, execution),
      generator:
        stage2 &&
        language &&
        new TextGenerator(
          config,
          { stage2, language },
          await tokenizer('language'),
          execution,
          config.questionToQFormer ? texts : undefined,
        ),
    }
    return new Blip2(directory, parts, outputFilter)
  }

  /** Runs the frozen encoder once; what it gives may be passed to the other methods in the picture's place. */
  encode(image: ImageInput, options?: TaskOptions): Promise<EncodedImage>
  encode(images: readonly ImageInput[], options?: TaskOptions): Promise<EncodedImage[]>
  encode(images: OneOrMany<ImageInput>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => forEach(images, (all) => this.#open.encoder.encode(all, signal)))
  }

  /** Compares each picture with each text, in their order. Needs stage 1. */
  match(image: ImageInput, texts: readonly string[], options?: TaskOptions): Promise<Match[]>
  match(images: readonly ImageInput[], texts: readonly string[], options?: TaskOptions): Promise<Match[][]>
  match(images: OneOrMany<ImageInput>, texts: readonly string[], { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const retriever = this.#stage1('matching')
      return forEach(images, async (all) => {
        const encoded = await this.#open.encoder.encode(all, signal)
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
      return forEach(images, async (all) => retriever.embedImages(await this.#open.encoder.encode(all, signal), signal))
    })
  }

  /** The unit vector of a text: [embeddingWidth]. Needs stage 1. */
  embedText(text: string, options?: TaskOptions): Promise<Float32Array>
  embedText(texts: readonly string[], options?: TaskOptions): Promise<Float32Array[]>
  embedText(texts: OneOrMany<string>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => forEach(texts, (all) => this.#stage1('embedding').embedTexts(all, signal)))
  }

  /**
   * What the queries hold after reading a picture together with a text: [queries, width of the Q-Former], row-major,
   * as the joint pass of matching computes it. One text for all pictures, one picture for all texts, or item by item.
   * Needs stage 1.
   */
  embedMultimodal(image: ImageInput, text: string, options?: TaskOptions): Promise<Float32Array>
  embedMultimodal(image: ImageInput, texts: readonly string[], options?: TaskOptions): Promise<Float32Array[]>
  embedMultimodal(
    images: readonly ImageInput[],
    texts: OneOrMany<string>,
    options?: TaskOptions,
  ): Promise<Float32Array[]>
  async embedMultimodal(
    images: OneOrMany<ImageInput>,
    texts: OneOrMany<string>,
    { signal }: TaskOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    const pairs = pair(images, texts, 'text')
    const found = await this.#exclusive(async () => {
      const retriever = this.#stage1('embedding')
      const encoded = await this.#encodePairs(images, pairs, signal)
      return retriever.embedPairs(
        encoded.map((image, i): Pair => [image, pairs[i]![1]]),
        signal,
      )
    })
    return Array.isArray(images) || Array.isArray(texts) ? found : found[0]!
  }

  /**
   * Where each query looks in a picture: cross-attention of every layer that has it. With a text, of the joint pass, in
   * which the queries see the text (needs stage 1); without, of the picture's own pass.
   */
  attention(image: ImageInput, text?: string, options?: TaskOptions): Promise<PictureAttention>
  attention(images: readonly ImageInput[], text?: OneOrMany<string>, options?: TaskOptions): Promise<PictureAttention[]>
  attention(images: OneOrMany<ImageInput>, text?: OneOrMany<string>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const reader = this.#open.attention ?? this.#missing('attention', ['stage1'])
      return forEach(images, async (all) => {
        const encoded = await this.#open.encoder.encode(all, signal)
        if (text === undefined) return reader.ofPictures(encoded, signal)
        const texts = pair(all, text, 'text').map(([, own]) => own)
        return reader.ofPairs(encoded, texts, this.#open.texts ?? this.#missing('matching', ['stage1']), signal)
      })
    })
  }

  /** Frees the runtime's memory after the calls under way; a second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#last
    const { encoder, retriever, attention, generator } = this.#open
    this.#parts = undefined
    await Promise.all([encoder, retriever, attention, generator].map((part) => part?.dispose()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  get #open(): Parts {
    if (!this.#parts) throw disposed()
    return this.#parts
  }

  /** Compiled functions share their buffers between runs, so overlapping calls wait for each other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) return Promise.reject(disposed())
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #pictureText(): PictureText {
    const generatorFor = (task: string) => this.#open.generator ?? this.#missing(task, ['stage2', 'language'])
    const encode = (images: readonly ImageInput[], signal: AbortSignal | undefined) =>
      this.#open.encoder.encode(images, signal)
    const exclusive = <T>(work: () => Promise<T>) => this.#exclusive(work)
    return {
      write: (task, images, prompts, settings) =>
        exclusive(async () => {
          const generator = generatorFor(task)
          return generator.generate(await encode(images, settings.signal), prompts, settings)
        }),
      async *stream(task, image, prompt, settings) {
        const generator = generatorFor(task)
        const [encoded] = await exclusive(() => encode([image], settings.signal))
        return yield* generator.stream(encoded!, prompt, settings, exclusive)
      },
    }
  }

  /** The picture of each pair; one that is in all of them is encoded once. */
  async #encodePairs(
    images: OneOrMany<ImageInput>,
    pairs: readonly (readonly [ImageInput, string])[],
    signal: AbortSignal | undefined,
  ): Promise<EncodedImage[]> {
    if (Array.isArray(images)) return this.#open.encoder.encode(images, signal)
    const [only] = await this.#open.encoder.encode([images as ImageInput], signal)
    return pairs.map(() => only!)
  }

  #stage1(task: string): Retriever {
    return this.#open.retriever ?? this.#missing(task, ['stage1'])
  }

  #missing(task: string, parts: readonly ModelPart[]): never {
    const files = parts.map((part) => `${part}.safetensors`).join(' and ')
    const stage = parts.includes('stage1') ? 'stage1' : 'stage2'
    throw new ModelNotFoundError(
      `${task} needs ${files}, which ${this.#path} does not have. Train it with "blip2 pretrain ${stage}", or open a model that has both stages, such as models/emoji`,
    )
  }
}

const disposed = () => new DisposedError('this model was disposed; open it again')

/** What the weights of a directory make up; a stage that is not there is undefined. */
interface Parts {
  readonly encoder: ImageEncoder
  readonly texts: QFormerTexts | undefined
  readonly retriever: Retriever | undefined
  readonly attention: AttentionReader | undefined
  readonly generator: TextGenerator | undefined
}
