import { ConfigError } from '../errors.js'

/** How a text is continued. Names and meanings are those of Hugging Face's `generate`; lengths count new tokens only. */
export interface GenerationOptions {
  /** Hypotheses followed at a time; 1 is greedy search or sampling. */
  readonly numBeams: number
  /** Texts given back for each row, best first: at most `numBeams`, or any number when sampling. */
  readonly numReturnSequences: number
  /** New tokens at most, the one that ends the text included. */
  readonly maxNewTokens: number
  /** New tokens before the text may end. */
  readonly minNewTokens: number
  /** A hypothesis scores its log-probability / length ^ penalty: above 0 long texts gain, below 0 they lose. */
  readonly lengthPenalty: number
  /**
   * When beam search ends with `numBeams` ended texts: true at once; false when the best open one, at its present
   * length, scores no more than the worst of them; 'never' when it cannot come to score more at any length.
   */
  readonly earlyStopping: boolean | 'never'
  /** Scores of tokens that were generated already are divided by this where positive, else multiplied; 1 is off. */
  readonly repetitionPenalty: number
  /** No run of so many tokens comes twice; 0 is off. */
  readonly noRepeatNgramSize: number
  /** Draw each token instead of taking the most likely. The four below need it. */
  readonly doSample: boolean
  /** Scores are divided by this: below 1 likely tokens become more likely. */
  readonly temperature: number
  /** Draw among so many likeliest tokens; 0 is off. */
  readonly topK: number
  /** Draw among the likeliest tokens that together have this probability; 1 is off. */
  readonly topP: number
  /** The same seed draws the same text, whatever else is in the batch. */
  readonly seed: number
  /** Tokens that end a text. */
  readonly endTokens: readonly number[]
  /** Tokens in front of every text that count as repeated too; a prompt of BLIP-2 has none that do. */
  readonly promptTokens?: readonly number[]
  /** Whether a text ends with these new tokens: stop strings. */
  readonly stop?: (ids: readonly number[]) => boolean
  /** Stops between two tokens with an AbortError. */
  readonly signal?: AbortSignal
}

/** Greedy search with everything off. */
export const DEFAULT_GENERATION = {
  numBeams: 1,
  numReturnSequences: 1,
  maxNewTokens: 20,
  minNewTokens: 0,
  lengthPenalty: 1,
  earlyStopping: false,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  doSample: false,
  temperature: 1,
  topK: 0,
  topP: 1,
  seed: 0,
  endTokens: [],
} as const satisfies GenerationOptions

export interface Generated {
  /** The new tokens, without an end token; a text that `stop` ended keeps all of its tokens. */
  readonly ids: readonly number[]
  /** 'stop': the text ended; 'length': it was cut at the limit. */
  readonly finishReason: 'stop' | 'length'
  /** Log-probability / length ^ lengthPenalty; the length includes the end token. */
  readonly score: number
}

/** Throws a ConfigError naming the option that is out of range or does not go with the others. */
export function checkGenerationOptions(options: GenerationOptions): void {
  const { numBeams, numReturnSequences, maxNewTokens, minNewTokens, doSample } = options
  atLeast('numBeams', numBeams, 1)
  atLeast('numReturnSequences', numReturnSequences, 1)
  atLeast('maxNewTokens', maxNewTokens, 1)
  atLeast('minNewTokens', minNewTokens, 0)
  atLeast('noRepeatNgramSize', options.noRepeatNgramSize, 0)
  atLeast('topK', options.topK, 0)
  if (minNewTokens > maxNewTokens)
    throw new ConfigError(`minNewTokens is ${minNewTokens}, more than maxNewTokens, which is ${maxNewTokens}`)
  if (!Number.isFinite(options.lengthPenalty))
    throw new ConfigError(`lengthPenalty must be a number, got ${options.lengthPenalty}`)
  above0('repetitionPenalty', options.repetitionPenalty)
  above0('temperature', options.temperature)
  above0('topP', options.topP)
  if (options.topP > 1) throw new ConfigError(`topP must be at most 1, got ${options.topP}`)
  if (![true, false, 'never'].includes(options.earlyStopping))
    throw new ConfigError(`earlyStopping must be true, false or 'never', got ${options.earlyStopping}`)
  if (doSample && numBeams > 1)
    throw new ConfigError(`doSample draws one token at a time, without beams; numBeams must be 1, got ${numBeams}`)
  if (!doSample) checkSearch(options)
}

function checkSearch({ numBeams, numReturnSequences, temperature, topK, topP }: GenerationOptions): void {
  if (numReturnSequences > numBeams)
    throw new ConfigError(
      `numReturnSequences is ${numReturnSequences}, but ${numBeams} beams find ${numBeams} texts; raise numBeams, or set doSample`,
    )
  if (temperature !== 1 || topK !== 0 || topP !== 1)
    throw new ConfigError('temperature, topK and topP change how tokens are drawn; set doSample as well')
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new ConfigError(`${name} must be a whole number of at least ${least}, got ${value}`)
}

function above0(name: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new ConfigError(`${name} must be above 0, got ${value}`)
}
