import { ConfigError } from '../errors.js'

export interface GenerationOptions {
  /** Hypotheses followed at a time; 1 is greedy. */
  readonly numBeams: number
  /** New tokens at most, the one that ends the text included. */
  readonly maxNewTokens: number
  /** New tokens before the text may end. */
  readonly minNewTokens: number
  /** A hypothesis scores its log-probability / length ^ penalty: above 0 long texts gain, below 0 they lose. */
  readonly lengthPenalty: number
  /** Scores of tokens that were generated already are divided by this where positive, else multiplied; 1 is off. */
  readonly repetitionPenalty: number
  /** Tokens that end a text. */
  readonly endTokens: readonly number[]
  readonly signal?: AbortSignal
}

export interface Generated {
  /** The new tokens, without the one that ends the text. */
  readonly ids: readonly number[]
  /** 'stop': the model ended its text; 'length': it was cut at the limit. */
  readonly finishReason: 'stop' | 'length'
  /** Log-probability / length ^ lengthPenalty. */
  readonly score: number
}

/** Throws a ConfigError naming the option that is out of range. */
export function checkGenerationOptions(options: GenerationOptions): void {
  const { numBeams, maxNewTokens, minNewTokens, lengthPenalty, repetitionPenalty } = options
  atLeast('numBeams', numBeams, 1)
  atLeast('maxNewTokens', maxNewTokens, 1)
  atLeast('minNewTokens', minNewTokens, 0)
  if (minNewTokens > maxNewTokens)
    throw new ConfigError(`minNewTokens is ${minNewTokens}, more than maxNewTokens, which is ${maxNewTokens}`)
  if (!Number.isFinite(lengthPenalty)) throw new ConfigError(`lengthPenalty must be a number, got ${lengthPenalty}`)
  if (!(repetitionPenalty > 0)) throw new ConfigError(`repetitionPenalty must be above 0, got ${repetitionPenalty}`)
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new ConfigError(`${name} must be a whole number of at least ${least}, got ${value}`)
}
