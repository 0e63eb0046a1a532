import type { CaptionedPictures } from '../../data/captionedPictures.js'
import type { Value } from '../../runtime/index.js'
import { type Communicator, SingleProcess } from '../comm/communicator.js'
import { type RankShare, rankShare } from '../comm/rankShare.js'
import { threadsPerRank } from '../comm/threadsPerRank.js'
import type { TrainingTask } from '../loop.js'
import type { StepProgram } from '../program.js'
import { warmupCosine } from '../schedule.js'
import { type CaptionBatch, captionBatches } from './batches.js'
import { type EncoderWeights, FrozenEncoder } from './frozenEncoder.js'
import type { LengthGroup } from './lengthGroups.js'
import type { OptimizationConfig } from './optimization.js'

export interface StageParts {
  readonly encoder: EncoderWeights
  readonly pictures: CaptionedPictures
  /** The ranks that share each batch (default: this process has all of it). */
  readonly communicator?: Communicator
}

export interface StageOptions {
  /** Which pictures may share a batch (default: all). */
  readonly groups?: readonly LengthGroup[]
}

/** What a stage is opened for. */
export interface StageSetting {
  /** Tokens of a picture. */
  readonly patches: number
  readonly communicator: Communicator
  readonly share: RankShare
  /** Threads of each program (default: the runtime's choice). */
  readonly threads?: number
}

/** What one stage computes. */
export interface Stage {
  readonly program: StepProgram
  /** What the program is fed besides 'features'. */
  readonly inputs: (batch: CaptionBatch) => Readonly<Record<string, Value>>
}

/**
 * What both stages have in common: batches of augmented pictures, seen by the frozen encoder, and the schedule. Throws a
 * ConfigError where the ranks cannot share a batch evenly.
 * @param config Every value of the stage; `batch` is the whole one, whatever the number of ranks.
 * @param open Draws and compiles the stage.
 */
export async function stageTask(
  config: OptimizationConfig & TrainingTask['config'],
  { encoder, pictures, communicator = new SingleProcess() }: StageParts,
  open: (setting: StageSetting) => Promise<Stage>,
  options: StageOptions = {},
): Promise<TrainingTask> {
  const { batch, seed } = config
  const augment = { ...config.augment, size: encoder.config.imageSize, mean: encoder.mean, std: encoder.std }
  const share = rankShare(communicator, batch)
  const threads = await threadsPerRank(communicator)
  const settings = threads === undefined ? {} : { threads }
  const nextBatch = captionBatches(pictures, { batch, seed, augment, share, ...options })
  const frozen = await FrozenEncoder.create(encoder, share.own, settings)
  const setting = { patches: frozen.tokens, communicator, share, ...settings }
  const { program, inputs } = await open(setting).catch(async (error: unknown) => {
    await frozen.dispose()
    throw error
  })
  return {
    config,
    program,
    steps: config.steps,
    samplesPerStep: batch,
    schedule: warmupCosine(config.schedule),
    weightDecay: config.weightDecay,
    betas: config.betas,
    clipNorm: config.clipNorm,
    feeds: async (step) => {
      const next = nextBatch(step)
      return { features: await frozen.encode(next.images), ...inputs(next) }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([program.dispose(), frozen.dispose()])
    },
  }
}
