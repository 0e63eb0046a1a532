import type { TrainingProgress } from '../loop.js'

/** What every training command takes. */
export interface RecipeOptions {
  /** Training directory; the finished model goes to OUT/model. */
  readonly out: string
  readonly resume: boolean
  /** Seed of everything random; the preset's own when left out. */
  readonly seed?: number
  /** Steps instead of the preset's; the schedule is stretched with them. */
  readonly steps?: number
  readonly checkpointEvery?: number
  /** Renders of the embedded data set (default: the usual cache). */
  readonly cacheDir?: string
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Called before the steps begin, with what is being done. */
  readonly onStatus?: (status: string) => void
  readonly signal?: AbortSignal
}

/** The part of the options that the training loop takes. */
export const loopOptions = ({ out, resume, checkpointEvery, onProgress, signal }: RecipeOptions) => ({
  directory: out,
  resume,
  ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
  ...(onProgress ? { onProgress } : {}),
  ...(signal ? { signal } : {}),
})
