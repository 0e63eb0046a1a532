import { ConfigError } from '../errors.js'
import { Random } from '../train/random/random.js'

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface BootstrapOptions {
  /** Resamples; default 1,000. */
  readonly samples?: number
  /** The same seed gives the same intervals; default 0. */
  readonly seed?: number
  /** Part of the resamples that the interval holds; default 0.95. */
  readonly level?: number
}

/**
 * Percentile intervals of corpus scores (Efron and Tibshirani 1993): the examples are drawn anew with replacement, and
 * the scores of each draw computed.
 *
 * @param count Number of examples.
 * @param scoresOf All scores of the examples with these indices, some of which come several times.
 * @throws ConfigError for options out of range.
 */
export function bootstrapIntervals<Scores extends Readonly<Partial<Record<string, number>>>>(
  count: number,
  scoresOf: (indices: Int32Array) => Scores,
  { samples = 1000, seed = 0, level = 0.95 }: BootstrapOptions = {},
): { readonly [Name in keyof Scores]: Interval } {
  if (!Number.isInteger(samples) || samples < 1)
    throw new ConfigError(`samples is ${samples}; expected a whole number of at least 1`)
  if (!(level > 0 && level < 1)) throw new ConfigError(`level is ${level}; expected a number between 0 and 1`)
  const random = new Random(seed, 'bootstrap')
  const indices = new Int32Array(count)
  const draws = Array.from({ length: samples }, () => {
    for (let i = 0; i < count; i++) indices[i] = random.integer(count)
    return scoresOf(indices)
  })
  const names = Object.keys(draws[0]!) as (keyof Scores)[]
  return Object.fromEntries(
    names.map((name) => [
      name,
      percentiles(
        draws.map((scores) => scores[name]!),
        level,
      ),
    ]),
  ) as { [Name in keyof Scores]: Interval }
}

/** The interval of a mean of values. */
export const bootstrapMean = (values: readonly number[], options?: BootstrapOptions): Interval =>
  bootstrapIntervals(values.length, (indices) => ({ mean: meanAt(values, indices) }), options).mean

/** The mean of the values at these indices. */
export function meanAt(values: ArrayLike<number>, indices: Int32Array): number {
  let sum = 0
  for (const i of indices) sum += values[i]!
  return sum / indices.length
}

function percentiles(scores: number[], level: number): Interval {
  const sorted = scores.sort((a, b) => a - b)
  const at = (part: number) => {
    const place = part * (sorted.length - 1)
    const below = sorted[Math.floor(place)]!
    return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place))
  }
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) }
}
