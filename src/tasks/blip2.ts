import { ConfigError, DisposedError, ModelNotFoundError } from '../errors.js'
import type { ModelConfig, ModelPart } from '../weights/modelDirectory.js'
import { type AskTask, askTask, type ChatTask, chatTask } from './answerer.js'
import type { PictureAttention } from './attentionReader.js'
import { bestFitting, candidateSettings } from './captionCandidates.js'
import { type CaptionTask, captionTask } from './captioner.js'
import { EncodedImage, type ImageInput } from './imageEncoder.js'
import { forEach, type OneOrMany, pair } from './oneOrMany.js'
import { disposeModel, isJoined, type ModelOptions, type OpenModel, openModel } from './openModel.js'
import { filteredPictureText, type OutputFilter } from './outputFilter.js'
import type { PictureText } from './pictureText.js'
import { cosine, type MatchLogits, matchProbability, type Pair, type Retriever } from './retriever.js'

export interface LoadOptions extends ModelOptions {
  /** Sees every text that is written before the caller does, and may change or withhold it. */
  readonly outputFilter?: OutputFilter
}

export interface TaskOptions {
  /** Stops between batches with an AbortError. */
  readonly signal?: AbortSignal
}

export interface AttentionOptions extends TaskOptions {
  /** Read the gradients of the matching logit as well, for Grad-CAM maps; needs a text, and stage 1. Default false. */
  readonly gradients?: boolean
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
  /** Of the model that compares pictures with texts: the same, but for a `retrievalModel`. */
  readonly retrievalConfig: ModelConfig
  /** Describes pictures; `caption.stream` gives the text as it is written. */
  readonly caption: CaptionTask
  /** Answers questions about pictures; `ask.stream` gives the text as it is written. */
  readonly ask: AskTask
  /** Answers the last message of a conversation about a picture; `chat.stream` gives the text as it is written. */
  readonly chat: ChatTask
  /** Gone after disposal, so that a model that is still referred to holds nothing. */
  #model: OpenModel | undefined
  #last: Promise<unknown> = Promise.resolve()
  #disposal: Promise<void> | undefined

  private constructor(model: OpenModel, filter: OutputFilter | undefined) {
    this.config = model.config
    this.retrievalConfig = model.retrieval.config
    this.#model = model
    const text = filter ? filteredPictureText(this.#pictureText(), filter) : this.#pictureText()
    this.caption = captionTask(text, this.config)
    this.ask = askTask(text, this.config.language.kind)
    this.chat = chatTask(text, this.config.language.kind)
  }

  /**
   * Opens a model directory, or a model of the Hugging Face hub, which is fetched if need be (see `pullModel`).
   *
   * @param model a directory, OWNER/NAME where there is no directory of that name, or a checkpoint of the authors (.pth)
   * @throws ModelNotFoundError, ConfigError or WeightsError when there is no model, its configuration is wrong, or its
   * weights do not fit it.
   */
  static async fromPretrained(model: string, { outputFilter, ...options }: LoadOptions = {}): Promise<Blip2> {
    return new Blip2(await openModel(model, options), outputFilter)
  }

  /**
   * Runs the frozen encoder once; what it gives may be passed to the other methods in the picture's place. With a
   * retrieval model beside it whose encoder is another one, that one runs as well.
   */
  encode(image: ImageInput, options?: TaskOptions): Promise<EncodedImage>
  encode(images: readonly ImageInput[], options?: TaskOptions): Promise<EncodedImage[]>
  encode(images: OneOrMany<ImageInput>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() =>
      forEach(images, async (all) => {
        const encoded = await this.#open.encoder.encode(all, signal)
        if (!isJoined(this.#open)) return encoded
        const others = await this.#encodeForRetrieval(all, signal)
        return encoded.map(({ features }, i) => new EncodedImage(features, others[i]!))
      }),
    )
  }

  /** Compares each picture with each text, in their order. Needs stage 1. */
  match(image: ImageInput, texts: readonly string[], options?: TaskOptions): Promise<Match[]>
  match(images: readonly ImageInput[], texts: readonly string[], options?: TaskOptions): Promise<Match[][]>
  match(images: OneOrMany<ImageInput>, texts: readonly string[], { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const retriever = this.#stage1('matching')
      return forEach(images, async (all) => {
        const encoded = await this.#encodeForRetrieval(all, signal)
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
    return this.#exclusive(async () => {
      const retriever = this.#stage1('matching')
      const encoded = await this.#encodeForRetrieval(
        pairs.map(([image]) => image),
        signal,
      )
      return retriever.matchLogits(
        pairs.map(([, text], i): Pair => [encoded[i]!, text]),
        signal,
      )
    })
  }

  /** Unit vectors of a picture, one per query: [queries, embeddingWidth], row-major. Needs stage 1. */
  embedImage(image: ImageInput, options?: TaskOptions): Promise<Float32Array>
  embedImage(images: readonly ImageInput[], options?: TaskOptions): Promise<Float32Array[]>
  embedImage(images: OneOrMany<ImageInput>, { signal }: TaskOptions = {}) {
    return this.#exclusive(() => {
      const retriever = this.#stage1('embedding')
      return forEach(images, async (all) => retriever.embedImages(await this.#encodeForRetrieval(all, signal), signal))
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
   * which the queries see the text (needs stage 1); without, of the picture's own pass. With `gradients`, also what the
   * matching logit owes to each of them.
   *
   * @throws ConfigError for gradients without a text.
   */
  attention(image: ImageInput, text?: string, options?: AttentionOptions): Promise<PictureAttention>
  attention(
    images: readonly ImageInput[],
    text?: OneOrMany<string>,
    options?: AttentionOptions,
  ): Promise<PictureAttention[]>
  attention(
    images: OneOrMany<ImageInput>,
    text?: OneOrMany<string>,
    { gradients = false, signal }: AttentionOptions = {},
  ) {
    return this.#exclusive(() => {
      const { attention: reader = this.#missing('attention', ['stage1']), texts: encode } = this.#open.retrieval
      if (gradients) this.#stage1('the gradient of matching')
      if (gradients && text === undefined)
        throw new ConfigError('gradients are those of the match between a picture and a text; give a text')
      return forEach(images, async (all) => {
        const encoded = await this.#encodeForRetrieval(all, signal)
        if (text === undefined) return reader.ofPictures(encoded, signal)
        const texts = pair(all, text, 'text').map(([, own]) => own)
        const read = encode ?? this.#missing('matching', ['stage1'])
        return gradients ? reader.ofMatches(encoded, texts, read, signal) : reader.ofPairs(encoded, texts, read, signal)
      })
    })
  }

  /** Frees the runtime's memory after the calls under way; a second call waits for the same. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#free()
    return this.#disposal
  }

  async #free(): Promise<void> {
    await this.#last
    const model = this.#open
    this.#model = undefined
    await disposeModel(model)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  get #open(): OpenModel {
    if (!this.#model) throw disposed()
    return this.#model
  }

  /** Compiled functions share their buffers between runs, so overlapping calls wait for each other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposal) return Promise.reject(disposed())
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
      write: (task, images, prompts, settings, candidates = 1) =>
        exclusive(async () => {
          const generator = generatorFor(task)
          const retriever = candidates > 1 ? this.#stage1('choosing among candidates') : undefined
          await generator.prepare()
          const { signal, numReturnSequences } = settings
          const encoded = await encode(images, signal)
          if (!retriever) return generator.generate(encoded, prompts, settings)
          const found = await generator.generate(encoded, prompts, candidateSettings(settings, candidates))
          const compared = await this.#encodeForRetrieval(isJoined(this.#open) ? images : encoded, signal)
          const { languageWeight = 0 } = this.config.generation
          const choice = { keep: numReturnSequences, languageWeight, ...(signal ? { signal } : {}) }
          return bestFitting(retriever, this.retrievalConfig, compared, found, choice)
        }),
      async *stream(task, image, prompt, settings) {
        const generator = generatorFor(task)
        const [encoded] = await exclusive(async () => {
          await generator.prepare()
          return encode([image], settings.signal)
        })
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
    if (Array.isArray(images)) return this.#encodeForRetrieval(images, signal)
    const [only] = await this.#encodeForRetrieval([images as ImageInput], signal)
    return pairs.map(() => only!)
  }

  /** By the encoder that the Q-Former of stage 1 was trained on. */
  #encodeForRetrieval(images: readonly ImageInput[], signal: AbortSignal | undefined): Promise<EncodedImage[]> {
    const model = this.#open
    return model.retrieval.encoder.encode(isJoined(model) ? images.map(ofRetrievalModel) : images, signal)
  }

  #stage1(task: string): Retriever {
    return this.#open.retrieval.retriever ?? this.#missing(task, ['stage1'])
  }

  #missing(task: string, parts: readonly ModelPart[]): never {
    const files = parts.map((part) => `${part}.safetensors`).join(' and ')
    const others = parts.includes('stage1')
      ? 'Train it with "blip2 pretrain stage1", open a model that has both stages, such as models/emoji, or put a retrieval model beside this one (retrievalModel, --retrieval-model)'
      : 'Train it with "blip2 pretrain stage2", or open a model that has both stages, such as models/emoji'
    throw new ModelNotFoundError(`${task} needs ${files}, which ${this.#open.path} does not have. ${others}`)
  }
}

const disposed = () => new DisposedError('this model was disposed; open it again')

/** What a model can do, wherever it runs: a Blip2, a Blip2Thread. */
export type Blip2Methods = Pick<Blip2, keyof Blip2>

/** The picture as the retrieval model knows it. */
function ofRetrievalModel(image: ImageInput): ImageInput {
  if (!(image instanceof EncodedImage)) return image
  if (image.retrieval) return image.retrieval
  throw new ConfigError(
    'this picture was encoded by a model without the retrieval model; encode it with the model that compares it',
  )
}
