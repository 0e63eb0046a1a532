import { type Command, InvalidArgumentError, Option } from 'commander'

/** For options that count something. */
export function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1')
  return value
}

/** For seeds and the like. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('expected a whole number of at least 0')
  return value
}

export function finiteNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number')
  return value
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0')
  return value
}

/** For what may be left out by chance: at least 0, below 1. */
export function probability(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('expected a number of at least 0 and below 1')
  return value
}

export interface JsonOption {
  readonly json?: true
}

export const addJsonOption = (command: Command): Command => command.option('--json', 'print JSON')

export interface GenerationFlags {
  readonly numBeams?: number
  readonly maxNewTokens?: number
  readonly minNewTokens?: number
  readonly lengthPenalty?: number
  readonly repetitionPenalty?: number
}

/** How captions are generated; the defaults are the model's. */
export const addGenerationOptions = (command: Command): Command =>
  command
    .option('--num-beams <n>', 'hypotheses followed at a time; 1 is greedy', positiveInteger)
    .option('--max-new-tokens <n>', 'tokens of a text at most', positiveInteger)
    .option('--min-new-tokens <n>', 'tokens of a text at least', positiveInteger)
    .option('--length-penalty <x>', 'above 0 long texts gain, below 0 they lose', finiteNumber)
    .option('--repetition-penalty <x>', 'above 1 repeated tokens are less likely', finiteNumber)

/** The generation flags among a command's options. */
export function generationFlags(flags: GenerationFlags): GenerationFlags {
  const { numBeams, maxNewTokens, minNewTokens, lengthPenalty, repetitionPenalty } = flags
  return {
    ...(numBeams === undefined ? {} : { numBeams }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
    ...(minNewTokens === undefined ? {} : { minNewTokens }),
    ...(lengthPenalty === undefined ? {} : { lengthPenalty }),
    ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
  }
}

/** Candidates that ITC leaves to ITM. */
export const candidatesOption = (): Option =>
  new Option('--k <n>', 'candidates by vector that are scored by the joint pass').argParser(positiveInteger).default(16)
