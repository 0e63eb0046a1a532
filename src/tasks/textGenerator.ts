import { generate, generateStream } from '../generate/generate.js'
import type { Decoder } from '../generate/decoder.js'
import { type LanguageGenerator, languageGenerator } from '../generate/languageGenerator.js'
import type { Generated, GenerationOptions } from '../generate/options.js'
import { joint, queryImage, softPromptOf, visionNorm } from '../models/blip2.js'
import { int64, type Value } from '../runtime/index.js'
import { cleanQuestion } from '../text/captionCleaning.js'
import type { EncodedBatch, Tokenizer } from '../text/tokenizer.js'
import type { GraphWeights } from '../weights/heldWeights.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'
import { type EncodedImage, stackFeatures } from './imageEncoder.js'
import type { Prompt } from './pictureText.js'
import type { QFormerTexts } from './qformerTexts.js'
import { beforeStop } from './stopStrings.js'
import type { GeneratedText, TextSettings } from './textOptions.js'
import { TextPieces } from './textPieces.js'

/** Runs work while no other work runs: the compiled functions of a model serve one call at a time. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/** Pictures whose texts are generated together; with five beams that is 80 texts. */
const CHUNK = 16
/** Prompts of more than one token are padded to a multiple of this many: each length is compiled once. */
const TOKEN_STEP = 8
/** OPT's text ends in a line break, as the texts of stage 2 do (authors' code), or where the model ends its text. */
const END_TOKENS = { opt: ['Ċ', '</s>'], t5: ['</s>'] } as const

type AskedInput = 'features' | 'ids' | 'mask'

/** The Q-Former of stage 2 with the frozen language model: text from pictures (paper 3.3). */
export class TextGenerator {
  readonly #config: ModelConfig
  readonly #tokenizer: Tokenizer
  readonly #prompts: BatchedFunction<'features', 'prompt'>
  /** Where the Q-Former reads questions: what it reads them with, and its pass over picture and question. */
  readonly #asked: { readonly texts: QFormerTexts; readonly prompts: BatchedFunction<AskedInput, 'prompt'> } | undefined
  readonly #generator: LanguageGenerator

  constructor(
    config: ModelConfig,
    weights: { readonly stage2: GraphWeights; readonly language: GraphWeights },
    tokenizer: Tokenizer,
    options: ExecutionOptions,
    questions?: QFormerTexts,
  ) {
    this.#config = config
    this.#tokenizer = tokenizer
    this.#prompts = new BatchedFunction(
      (p, { features }) => ({
        prompt: softPromptOf(p, config, config.language, queryImage(p, config, visionNorm(p, config, features)).output),
      }),
      weights.stage2,
      options,
    )
    this.#asked = questions && {
      texts: questions,
      prompts: new BatchedFunction<AskedInput, 'prompt'>(
        (p, { features, ids, mask }) => ({
          prompt: softPromptOf(
            p,
            config,
            config.language,
            joint(p, config, visionNorm(p, config, features), ids, mask),
          ),
        }),
        weights.stage2,
        options,
      ),
    }
    this.#generator = languageGenerator(config.language, { ...options, ...weights.language })
  }

  /** Opens the language model, see LanguageGenerator. */
  prepare(): Promise<void> {
    return this.#generator.prepare()
  }

  /** What the language model writes after each picture and its prompt, `prompts[i]` after `images[i]`. */
  async generate(
    images: readonly EncodedImage[],
    prompts: readonly Prompt[],
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
    prompt: Prompt,
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
    await Promise.all([this.#prompts.dispose(), this.#asked?.prompts.dispose(), this.#generator.dispose()])
  }

  async #decoder(
    images: readonly EncodedImage[],
    prompts: readonly Prompt[],
    { maxNewTokens, signal }: TextSettings,
  ): Promise<Decoder> {
    const features = stackFeatures(images, this.#config.vision.width)
    const softPrompt = await this.#softPrompts(features, prompts, signal)
    return this.#generator.decode(softPrompt, this.#tokens(prompts.map(({ text }) => text)), maxNewTokens)
  }

  async #softPrompts(features: Value, prompts: readonly Prompt[], signal?: AbortSignal): Promise<Value> {
    const questions = prompts.flatMap(({ question }) => question ?? [])
    if (!this.#asked || questions.length < prompts.length) return (await this.#prompts.run({ features }, signal)).prompt
    const { ids, mask, shape } = this.#asked.texts(questions.map((question) => cleanQuestion(question)))
    return (await this.#asked.prompts.run({ features, ids: int64(shape, ids), mask: int64(shape, mask) }, signal))
      .prompt
  }

  /** Padding is masked. */
  #tokens(prompts: readonly string[]): EncodedBatch {
    const longest = Math.max(...prompts.map((prompt) => this.#tokenizer.encode(prompt).length))
    const padTo = longest === 1 ? 1 : Math.ceil(longest / TOKEN_STEP) * TOKEN_STEP
    return this.#tokenizer.encodeBatch(prompts, { padTo, padSide: this.#generator.padSide })
  }

  #options({ stop, ...settings }: TextSettings): GenerationOptions {
    const { generation, language } = this.#config
    const endTokens = generation.endTokens ?? END_TOKENS[language.kind].map((token) => this.#tokenizer.idOf(token))
    const { promptTokens } = this.#generator
    if (stop.length === 0) return { ...settings, endTokens, promptTokens }
    const isStopped = (ids: readonly number[]) => {
      const text = this.#tokenizer.decode(ids)
      return stop.some((string) => text.includes(string))
    }
    return { ...settings, endTokens, promptTokens, stop: isStopped }
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
