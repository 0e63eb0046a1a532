import { generate } from '../generate/generate.js'
import { OptGenerator } from '../generate/optDecoder.js'
import { queryImage, softPrompt, visionNorm } from '../models/blip2.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { BatchedFunction, type ExecutionOptions } from './batchedFunction.js'
import { embeddedWeights } from './embeddedWeights.js'
import { type EncodedImage, stackFeatures } from './imageEncoder.js'
import type { Weights } from './modelWeights.js'

export interface CaptionOptions {
  /** Hypotheses followed at a time; 1 is greedy. Default: the model's own, as for all below. */
  readonly numBeams?: number
  /** Tokens of the caption at most. */
  readonly maxNewTokens?: number
  /** Tokens of the caption at least. Default 1. */
  readonly minNewTokens?: number
  /** Above 0 long captions gain, below 0 they lose. */
  readonly lengthPenalty?: number
  /** Above 1, tokens that were generated already are less likely. */
  readonly repetitionPenalty?: number
  readonly signal?: AbortSignal
}

export interface Caption {
  readonly text: string
  /** 'stop': the model ended its text; 'length': it was cut at maxNewTokens. */
  readonly finishReason: 'stop' | 'length'
  /** Log-probability / tokens ^ lengthPenalty. */
  readonly score: number
}

/** Pictures captioned at a time; with five beams that is 80 texts. */
const CHUNK = 16
/** A caption ends in a line break, as the texts of stage 2 do (authors' code), or where the model ends its text. */
const END_TOKENS = ['Ċ', '</s>'] as const

/** The Q-Former of stage 2 with the frozen language model: text from pictures (paper 3.3). */
export class Captioner {
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

  async caption(images: readonly EncodedImage[], options: CaptionOptions = {}): Promise<Caption[]> {
    const { generation, vision } = this.#config
    const settings = {
      minNewTokens: 1,
      ...generation,
      ...options,
      endTokens: END_TOKENS.map((token) => this.#tokenizer.idOf(token)),
    }
    const ids = this.#tokenizer.encode(generation.prompt)
    const captions: Caption[] = []
    for (let start = 0; start < images.length; start += CHUNK) {
      const features = stackFeatures(images.slice(start, start + CHUNK), vision.width)
      const { prompt } = await this.#prompts.run({ features }, options.signal)
      const decoder = this.#generator.decode(prompt, ids, settings.maxNewTokens)
      for (const { ids: found, finishReason, score } of await generate(decoder, settings))
        captions.push({ text: this.#tokenizer.decode(found).trim(), finishReason, score })
    }
    return captions
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#prompts.dispose(), this.#generator.dispose()])
  }
}
