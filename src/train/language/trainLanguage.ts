import type { TextDocument } from '../../data/text/corpus.js'
import { packTokens, type TokenBlocks } from '../../data/text/packTokens.js'
import { ConfigError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { OptConfig } from '../../models/opt.js'
import { CompiledFunction, int64, type Value } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { type LoopSettings, loopSettings } from '../loopSettings.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { type ProgramOptions, TrainingProgram, weightFeeds } from '../program.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import { languageObjective } from './objective.js'

export interface LanguageTrainingConfig extends LoopSettings {
  readonly language: OptConfig
  /** Tokens in a block of packed text. */
  readonly length: number
  readonly validateEvery: number
  /** Blocks that the validation loss is the mean of. */
  readonly validationBlocks: number
}

/**
 * Pre-training of the small language model on text alone. Throws a ConfigError where the corpus has no block for training or no
 * whole batch for validation.
 */
export async function languageTask(
  config: LanguageTrainingConfig,
  tokenizer: Tokenizer,
  corpus: readonly TextDocument[],
  settings: Pick<ProgramOptions, 'recompute'> = {},
): Promise<TrainingTask> {
  const { language, batch, length, seed } = config
  const { training, validation } = packTokens(corpus, tokenizer, { length, seed })
  const blocksToValidate = Math.min(config.validationBlocks, validation.shape[0])
  if (training.shape[0] === 0 || blocksToValidate < batch)
    throw new ConfigError(
      `expected text for at least a block of ${length} tokens to train on and a batch of ${batch} to validate, got ${training.shape[0]} and ${blocksToValidate}; use a smaller batch or more text`,
    )
  const graph = new Graph()
  const { scope, loss } = languageObjective(graph, language, { batch, length })
  const program = await TrainingProgram.create({ graph, loss, specs: scope.specs, seed, ...settings })
  const order = shuffledEpochs(training.shape[0], seed)
  return {
    config: { kind: 'language', ...config },
    program,
    ...loopSettings(config),
    feeds: (step) => ({
      ids: blocks(
        training,
        Array.from({ length: batch }, (_, i) => order(step * batch + i)),
      ),
    }),
    validation: {
      every: config.validateEvery,
      run: async () => ({ validationLoss: await validationLoss(config, program.memory, validation) }),
    },
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}

async function validationLoss(
  config: LanguageTrainingConfig,
  memory: ParameterMemory,
  text: TokenBlocks,
): Promise<number> {
  const { batch, length } = config
  const graph = new Graph()
  const { scope, loss } = languageObjective(graph, config.language, { batch, length })
  const compiled = await CompiledFunction.create(graph, { loss })
  try {
    const weights = weightFeeds(memory, scope.specs.values())
    const batches = Math.floor(Math.min(config.validationBlocks, text.shape[0]) / batch)
    let total = 0
    for (let i = 0; i < batches; i++) {
      const ids = blocks(
        text,
        Array.from({ length: batch }, (_, row) => i * batch + row),
      )
      const result = await compiled.run({ ...weights, ids })
      total += Number(result.loss.data[0])
    }
    return total / batches
  } finally {
    await compiled.dispose()
  }
}

/** Blocks by number as one input. -> int64 [rows, length] */
function blocks({ tokens, shape: [, length] }: TokenBlocks, rows: readonly number[]): Value {
  const ids = new BigInt64Array(rows.length * length)
  rows.forEach((row, i) => {
    for (let k = 0; k < length; k++) ids[i * length + k] = BigInt(tokens[row * length + k]!)
  })
  return int64([rows.length, length], ids)
}
