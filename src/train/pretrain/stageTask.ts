import type { CaptionedPictures } from '../../data/captionedPictures.js'
import type { Value } from '../../runtime/index.js'
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
}

export interface StageOptions {
  /** Which pictures may share a batch (default: all). */
  readonly groups?: readonly LengthGroup[]
}

/** What one stage computes. */
export interface Stage {
  readonly program: StepProgram
  /** What the program is fed besides 'features'. */
  readonly inputs: (batch: CaptionBatch) => Readonly<Record<string, Value>>
}

/**
 * What both stages have in common: batches of augmented pictures, seen by the frozen encoder, and the schedule.
 * @param config Every value of the stage.
 * @param open Draws and compiles the stage for this many tokens of a picture.
 */
export async function stageTask(
  config: OptimizationConfig & TrainingTask['config'],
  { encoder, pictures }: StageParts,
  open: (patches: number) => Promise<Stage>,
  { groups }: StageOptions = {},
): Promise<TrainingTask> {
  const { batch, seed } = config
  const augment = { ...config.augment, size: encoder.config.imageSize, mean: encoder.mean, std: encoder.std }
  const nextBatch = captionBatches(pictures, { batch, seed, augment, ...(groups ? { groups } : {}) })
  const frozen = await FrozenEncoder.create(encoder, batch)
  const { program, inputs } = await open(frozen.tokens).catch(async (error: unknown) => {
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
