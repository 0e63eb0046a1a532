import type { TrainingProgress, TrainOptions } from '../loop.js'

/** What every training command takes. */
export interface RecipeOptions {
  /** Training directory; the finished model goes to OUT/model. */
  readonly out: string
  /** Go on from the last checkpoint in OUT, or begin where there is none. */
  readonly resume: boolean
  /** Seed of everything random; the preset's own when left out. */
  readonly seed?: number
  /** Steps instead of the preset's; the schedule is stretched with them. */
  readonly steps?: number
  readonly checkpointEvery?: number
  /** Each rank keeps the optimiser's state of its share of the weights only. */
  readonly shardOptimizer?: boolean
  /** Compute layers again in the backward pass instead of keeping what they compute: less memory, more time. */
  readonly recompute?: boolean
  /** Renders of the embedded data set, and converted weights (default: the usual cache). */
  readonly cacheDir?: string
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Called before the steps begin, with what is being done. */
  readonly onStatus?: (status: string) => void
  readonly signal?: AbortSignal
}

/** The part of the options that the training loop takes. */
export const loopOptions = ({
  out,
  resume,
  checkpointEvery,
  shardOptimizer,
  onProgress,
  onStatus,
  signal,
}: RecipeOptions): TrainOptions => ({
  directory: out,
  resume,
  onStart: (done) => onStatus?.(done === 0 ? 'training ...' : `going on after step ${done} ...`),
  ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
  ...(shardOptimizer === undefined ? {} : { shardOptimizer }),
  ...(onStatus ? { onNotice: onStatus } : {}),
  ...(onProgress ? { onProgress } : {}),
  ...(signal ? { signal } : {}),
})

/** A preset's warm-up in a run of another length: the same part of it. */
export const stretchWarmup = (warmupSteps: number, presetSteps: number, steps: number): number =>
  Math.round((warmupSteps / presetSteps) * steps)
