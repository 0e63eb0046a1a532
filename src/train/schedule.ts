import { ConfigError } from '../errors.js'

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number

export interface WarmupCosineOptions {
  /** Highest rate, reached after the warm-up. The paper: 1e-4. */
  readonly peak: number
  /** Rate at the end. The paper: 5e-5 in stage 2. Default 0. */
  readonly minimum?: number
  /** Rate of step 0. Default 1e-6, as in the released configurations. */
  readonly start?: number
  /** The paper: 2000. */
  readonly warmupSteps: number
  readonly totalSteps: number
}

/** The paper's schedule (section 3.4): linear warm-up, then half a cosine down to the minimum, by step. */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  const { peak, minimum = 0, start = 1e-6, warmupSteps, totalSteps } = options
  if (!(warmupSteps >= 0 && warmupSteps < totalSteps))
    throw new ConfigError(
      `the warm-up takes ${warmupSteps} steps; expected fewer than the ${totalSteps} of the whole run`,
    )
  return (step) => {
    if (step < warmupSteps) return linear(start, peak, step, warmupSteps)
    return cosine(peak, minimum, Math.min(1, (step - warmupSteps) / (totalSteps - warmupSteps)))
  }
}

export interface EpochCosineOptions {
  /** Rate after the warm-up. */
  readonly initial: number
  readonly minimum: number
  readonly epochs: number
  readonly stepsPerEpoch: number
  /** Default 0. */
  readonly warmupSteps?: number
  /** Rate of step 0; without it there is no warm-up. */
  readonly warmupStart?: number
}

/**
 * The released code's schedule: linear warm-up inside the first epoch, cut off where it is longer than that, then a
 * cosine by epoch, constant inside each. The minimum itself is never reached.
 */
export function epochCosine(options: EpochCosineOptions): Schedule {
  const { initial, minimum, epochs, stepsPerEpoch, warmupSteps = 0, warmupStart = initial } = options
  if (!(epochs >= 1 && stepsPerEpoch >= 1))
    throw new ConfigError(`expected at least one epoch of one step, got ${epochs} epochs of ${stepsPerEpoch} steps`)
  return (step) => {
    const epoch = Math.floor(step / stepsPerEpoch)
    if (epoch === 0) return Math.min(initial, linear(warmupStart, initial, step, Math.max(warmupSteps, 1)))
    return cosine(initial, minimum, epoch / epochs)
  }
}

const linear = (from: number, to: number, step: number, steps: number): number => from + ((to - from) * step) / steps

const cosine = (from: number, to: number, part: number): number =>
  (from - to) * 0.5 * (1 + Math.cos(Math.PI * part)) + to
