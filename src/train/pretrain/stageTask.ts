import type { CaptionedPictures } from '../../data/captionedPictures.js'
import type { FeatureReader } from '../../data/featureCache/featureReader.js'
import type { Value } from '../../runtime/index.js'
import { type Communicator, SingleProcess } from '../comm/communicator.js'
import { partsOf, type RankShare, rankShare } from '../comm/rankShare.js'
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
  /** Features of the settings' fixed views, in the encoder's place. They stay open. */
  readonly features?: FeatureReader
  /** The ranks that share each batch (default: this process has all of it). */
  readonly communicator?: Communicator
  /** Passes of each step, over a part of the batch each: less memory, the same result. Default 1. */
  readonly accumulate?: number
  /** Compute layers again in the backward pass instead of keeping what they compute. Default false. */
  readonly recompute?: boolean
}

export interface StageOptions {
  /** Which pictures may share a batch (default: all). */
  readonly groups?: readonly LengthGroup[]
  /** Captions drawn besides those of the batch's pictures. Default 0. */
  readonly distractors?: number
}

/** What a stage is opened for. */
export interface StageSetting {
  /** Tokens of a picture. */
  readonly patches: number
  readonly communicator: Communicator
  readonly share: RankShare
  /** Passes of each step, over a part of the rank's samples each. */
  readonly passes: number
  readonly recompute: boolean
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
 * ConfigError where the ranks cannot share a batch evenly, or the passes a rank's share.
 * @param config Every value of the stage; `batch` is the whole one, whatever the number of ranks.
 * @param open Draws and compiles the stage.
 */
export async function stageTask(
  config: OptimizationConfig & TrainingTask['config'],
  {
    encoder,
    pictures,
    features,
    communicator = new SingleProcess(),
    accumulate: passes = 1,
    recompute = false,
  }: StageParts,
  open: (setting: StageSetting) => Promise<Stage>,
  options: StageOptions = {},
): Promise<TrainingTask> {
  const { batch, seed, views } = config
  const augment = { ...config.augment, size: encoder.config.imageSize, mean: encoder.mean, std: encoder.std }
  const share = rankShare(communicator, batch)
  const threads = await threadsPerRank(communicator)
  const settings = threads === undefined ? {} : { threads }
  const fixed = views ? { views, render: features === undefined } : {}
  const nextBatch = captionBatches(pictures, { batch, seed, augment, share, ...fixed, ...options })
  const [{ own: samplesOfPass }] = partsOf(share, passes) as [RankShare]
  const source = features ? cached(features) : encoded(await FrozenEncoder.create(encoder, samplesOfPass, settings))
  const setting = { patches: source.tokens, communicator, share, passes, recompute, ...settings }
  const { program, inputs } = await open(setting).catch(async (error: unknown) => {
    await source.dispose()
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
    ...(config.clipNorm === undefined ? {} : { clipNorm: config.clipNorm }),
    feeds: async (step) => {
      const next = await nextBatch(step)
      return { features: await source.featuresOf(next), ...inputs(next) }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([program.dispose(), source.dispose()])
    },
  }
}

/** Where a batch's features come from. */
interface FeatureSource {
  readonly tokens: number
  readonly featuresOf: (batch: CaptionBatch) => Promise<Value>
  readonly dispose: () => Promise<void>
}

const encoded = (encoder: FrozenEncoder): FeatureSource => ({
  tokens: encoder.tokens,
  featuresOf: ({ images }) => encoder.encode(images),
  dispose: () => encoder.dispose(),
})

const cached = (features: FeatureReader): FeatureSource => ({
  tokens: features.tokens,
  featuresOf: ({ views }) => features.read(views),
  dispose: async () => {},
})
