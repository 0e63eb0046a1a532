import { generate, generateStream } from '../generate/generate.js'
import type { Decoder } from '../generate/decoder.js'
import { OptGenerator } from '../generate/optDecoder.js'
import type { Generated, GenerationOptions } from '../generate/options.js'
import { queryImage, softPrompt, visionNorm } from '../models/blip2.js'
import type { EncodedBatch, Tokenizer } from '../text/tokenizer.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'
import { embeddedWeights } from './embeddedWeights.js'
import { type EncodedImage, stackFeatures } from './imageEncoder.js'
import type { Weights } from './modelWeights.js'
import { beforeStop } from './stopStrings.js'
import type { GeneratedText, TextSettings } from './textOptions.js'
import { TextPieces } from './textPieces.js'

/** Runs work while no other work runs: the compiled functions of a model serve one call at a time. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/** Pictures whose texts are generated together; with five beams that is 80 texts. */
const CHUNK = 16
/** Prompts of more than one token are padded to a multiple of this many: each length is compiled once. */
const TOKEN_STEP = 8
/** A text ends in a line break, as the texts of stage 2 do (authors' code), or where the model ends its text. */
const END_TOKENS = ['Ċ', '</s>'] as const

/** The Q-Former of stage 2 with the frozen language model: text from pictures (paper 3.3). */
export class TextGenerator {
  readonly #config: ModelConfig
  readonly #tokenizer: Tokenizer
  readonly #prompts: BatchedFunction<'features', 'prompt'>
  readonly #generator: OptGenerator

  constructor(
    config: ModelConfig,
    weights: { readonly stage2: Weights; readonly language: Weights },
    tokenizer: Tokenizer,
    options: ExecutionOptions,
  ) {
    this.#config = config
    this.#tokenizer = tokenizer
    this.#prompts = new BatchedFunction(
      (p, { features }) => ({
        prompt: softPrompt(p, config, queryImage(p, config, visionNorm(p, config, features)).output),
      }),
      weights.stage2,
      options,
    )
    this.#generator = new OptGenerator(config.language, { ...options, weight: embeddedWeights(weights.language) })
  }

  /** What the language model writes after each picture and its prompt, `prompts[i]` after `images[i]`. */
  async generate(
    images: readonly EncodedImage[],
    prompts: readonly string[],
    settings: TextSettings,
  ): Promise<GeneratedText[]> {
    const texts: GeneratedText[] = []
    for (let start = 0; start < images.length; start += CHUNK) {
      const end = start + CHUNK
      const decoder = await this.#decoder(images.slice(start, end), prompts.slice(start, end), settings)
      const found = await generate(decoder, this.#options(settings))
      texts.push(...found.map((row) => this.#textOf(row, settings)))
    }
    return texts
  }

  /**
   * The same for one picture, in pieces as they are written; returns the whole text. Between two tokens other work may
   * run.
   */
  async *stream(
    image: EncodedImage,
    prompt: string,
    settings: TextSettings,
    exclusive: Exclusive,
  ): AsyncGenerator<string, GeneratedText> {
    const decoder = await exclusive(() => this.#decoder([image], [prompt], settings))
    const search = generateStream(inTurns(decoder, exclusive), this.#options(settings))
    const pieces = new TextPieces(settings.stop)
    for (;;) {
      const step = await search.next()
      const whole = step.done ? this.#textOf([step.value], settings) : undefined
      const piece = whole
        ? pieces.end(whole.text)
        : pieces.push(this.#tokenizer.decode(step.value as readonly number[]))
      if (piece !== '') yield piece
      if (whole) return whole
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#prompts.dispose(), this.#generator.dispose()])
  }

  async #decoder(
    images: readonly EncodedImage[],
    prompts: readonly string[],
    { maxNewTokens, signal }: TextSettings,
  ): Promise<Decoder> {
    const features = stackFeatures(images, this.#config.vision.width)
    const { prompt } = await this.#prompts.run({ features }, signal)
    return this.#generator.decode(prompt, this.#tokens(prompts), maxNewTokens)
  }

  /** Padded on the left, between the soft prompt and the text, as the authors' code does; padding is masked. */
  #tokens(prompts: readonly string[]): EncodedBatch {
    const longest = Math.max(...prompts.map((prompt) => this.#tokenizer.encode(prompt).length))
    const padTo = longest === 1 ? 1 : Math.ceil(longest / TOKEN_STEP) * TOKEN_STEP
    return this.#tokenizer.encodeBatch(prompts, { padTo, padSide: 'left' })
  }

  #options({ stop, ...settings }: TextSettings): GenerationOptions {
    const endTokens = END_TOKENS.map((token) => this.#tokenizer.idOf(token))
    if (stop.length === 0) return { ...settings, endTokens }
    const isStopped = (ids: readonly number[]) => {
      const text = this.#tokenizer.decode(ids)
      return stop.some((string) => text.includes(string))
    }
    return { ...settings, endTokens, stop: isStopped }
  }

  #textOf(found: readonly Generated[], { stop, numReturnSequences }: TextSettings): GeneratedText {
    const [first, ...others] = found.map(({ ids, finishReason, score }) => {
      return { text: beforeStop(this.#tokenizer.decode(ids), stop).trim(), finishReason, score }
    })
    return numReturnSequences === 1 ? first! : { ...first!, alternatives: others }
  }
}

/** A decoder that gives way to other work between two of its calls. */
const inTurns = (decoder: Decoder, exclusive: Exclusive): Decoder => ({
  vocabularySize: decoder.vocabularySize,
  start: () => exclusive(() => decoder.start()),
  next: (parents, tokens) => exclusive(() => decoder.next(parents, tokens)),
})
