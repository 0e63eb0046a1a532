import type { TextDocument } from '../../data/text/corpus.js'
import { packTokens } from '../../data/text/packTokens.js'
import { ConfigError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { T5Config } from '../../models/t5.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { type LoopSettings, loopSettings } from '../loopSettings.js'
import { TrainingProgram } from '../program.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import type { Instruction } from './instructions.js'
import { t5Objective } from './objective.js'
import { type PairLengths, pairInputs } from './pairInputs.js'
import { corruptSpans, type TextPair } from './spanCorruption.js'
import { sentinelIds, T5_END } from './tokenizer.js'

export interface T5TrainingConfig extends LoopSettings, PairLengths {
  readonly language: T5Config
  /** From this part of the steps on, half of each batch are instructions; before, all is span corruption. */
  readonly instructionsFrom: number
}

export interface T5Parts {
  readonly tokenizer: Tokenizer
  readonly corpus: readonly TextDocument[]
  readonly instruct: (random: () => number) => Instruction
  /** Compute layers again in the backward pass: less memory, more time. */
  readonly recompute?: boolean
}

/**
 * Pre-training of a small T5 on text alone: spans that were taken out of the corpus are to be restored, and later
 * instructions followed, as Flan-T5 learnt both one after the other.
 *
 * @throws ConfigError where the corpus is shorter than a text
 */
export async function t5Task(config: T5TrainingConfig, parts: T5Parts): Promise<TrainingTask> {
  const { language, batch, seed, inputTokens, outputTokens } = config
  const { tokenizer, recompute = false } = parts
  const graph = new Graph()
  const { scope, loss } = t5Objective(graph, language, { batch, inputTokens, outputTokens })
  const program = await TrainingProgram.create({ graph, loss, specs: scope.specs, seed, recompute })
  const pairs = textPairs(config, parts)
  return {
    config: { kind: 't5', ...config },
    program,
    ...loopSettings(config),
    feeds: (step) => pairInputs(pairs(step), config, tokenizer.paddingId),
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}

/** The pairs of a step, as a function of the seed and the step alone. */
export function textPairs(
  { batch, steps, seed, inputTokens, instructionsFrom }: T5TrainingConfig,
  { tokenizer, corpus, instruct }: T5Parts,
): (step: number) => TextPair[] {
  // An end token is added, and each span leaves a sentinel for at least one token.
  const length = inputTokens - 1
  const { tokens, shape } = packTokens(corpus, tokenizer, { length, seed }).training
  if (shape[0] === 0)
    throw new ConfigError(`expected text of at least ${length} tokens to train on; give more, or read less at a time`)
  const order = shuffledEpochs(shape[0], seed)
  const spans = { sentinels: sentinelIds(tokenizer), endToken: tokenizer.idOf(T5_END) }
  return (step) => {
    const random = new Random(seed, `batch/${step}`)
    const instructed = step >= instructionsFrom * steps ? Math.floor(batch / 2) : 0
    return Array.from({ length: batch }, (_, i) => {
      if (i < instructed)
        return encoded(
          instruct(() => random.uniform()),
          tokenizer,
        )
      const row = order(step * batch + i) * length
      return corruptSpans(Array.from(tokens.subarray(row, row + length)), spans, random)
    })
  }
}

const encoded = ({ input, target }: Instruction, tokenizer: Tokenizer): TextPair => ({
  input: tokenizer.encode(input),
  target: tokenizer.encode(target),
})
