import type { TextDocument } from '../../data/text/corpus.js'
import { packTokens, type TokenBlocks } from '../../data/text/packTokens.js'
import { ConfigError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { OptConfig } from '../../models/opt.js'
import { CompiledFunction, float32, int64, type Value } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import type { ParameterMemory } from '../optimizer/parameterMemory.js'
import { TrainingProgram } from '../program.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import { warmupCosine } from '../schedule.js'
import { languageObjective } from './objective.js'

export interface LanguageTrainingConfig {
  readonly language: OptConfig
  /** Tokens in a block of packed text. */
  readonly length: number
  readonly batch: number
  readonly steps: number
  readonly warmupSteps: number
  readonly peakLearningRate: number
  readonly minimumLearningRate: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly validateEvery: number
  /** Blocks that the validation loss is the mean of. */
  readonly validationBlocks: number
  readonly seed: number
}

/**
 * Pre-training of the small language model on text alone. Throws a ConfigError where the corpus has no block for training or no
 * whole batch for validation.
 */
export async function languageTask(
  config: LanguageTrainingConfig,
  tokenizer: Tokenizer,
  corpus: readonly TextDocument[],
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
  const program = await TrainingProgram.create({ graph, loss, specs: scope.specs, seed })
  const order = shuffledEpochs(training.shape[0], seed)
  return {
    config: { kind: 'language', ...config },
    program,
    steps: config.steps,
    samplesPerStep: batch,
    schedule: warmupCosine({
      peak: config.peakLearningRate,
      minimum: config.minimumLearningRate,
      warmupSteps: config.warmupSteps,
      totalSteps: config.steps,
    }),
    weightDecay: config.weightDecay,
    clipNorm: config.clipNorm,
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
    const weights: Record<string, Value> = {}
    for (const { name, shape } of scope.specs.values()) weights[name] = float32(shape, memory.value(name))
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
