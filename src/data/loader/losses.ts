import { ConfigError, DataError } from '../../errors.js'

/** Samples and shards that were tried, and those that could not be read. */
export interface LossCounts {
  readonly samples: number
  readonly brokenSamples: number
  readonly shards: number
  readonly brokenShards: number
}

/** How much of a data set may be broken before a run over it stops. */
export interface LossLimits {
  /** Beyond this share of broken samples, or of broken shards, the run stops. Default 0.1. */
  readonly maxBrokenShare?: number
  /** The share is judged after this many samples, or this many shards. Defaults 100 and 10. */
  readonly judgeAfterSamples?: number
  readonly judgeAfterShards?: number
  /** Is told of each loss; `name` is the key of the sample or the name of the shard. */
  readonly onLoss?: (name: string, error: Error) => void
}

/** Counts what cannot be read. Link rot is real: one bad sample is no reason to stop, many are. */
export class Losses {
  readonly #limits: Required<LossLimits>
  #counts: LossCounts

  constructor(limits: LossLimits = {}, counts: LossCounts = NONE) {
    this.#limits = { ...DEFAULTS, ...limits }
    this.#counts = counts
    const { maxBrokenShare } = this.#limits
    if (!(maxBrokenShare >= 0 && maxBrokenShare <= 1))
      throw new ConfigError(`the share of broken samples is from 0 to 1, got ${maxBrokenShare}`)
  }

  get counts(): LossCounts {
    return this.#counts
  }

  sampleRead(): void {
    this.#counts = { ...this.#counts, samples: this.#counts.samples + 1 }
  }

  shardRead(): void {
    this.#counts = { ...this.#counts, shards: this.#counts.shards + 1 }
  }

  /** @throws DataError beyond the limit. */
  sampleBroken(key: string, error: Error): void {
    const { samples, brokenSamples } = this.#counts
    this.#counts = { ...this.#counts, samples: samples + 1, brokenSamples: brokenSamples + 1 }
    this.#limits.onLoss?.(key, error)
    this.#judge('samples', brokenSamples + 1, samples + 1, this.#limits.judgeAfterSamples, error)
  }

  /** @throws DataError beyond the limit. */
  shardBroken(name: string, error: Error): void {
    const { shards, brokenShards } = this.#counts
    this.#counts = { ...this.#counts, shards: shards + 1, brokenShards: brokenShards + 1 }
    this.#limits.onLoss?.(name, error)
    this.#judge('shards', brokenShards + 1, shards + 1, this.#limits.judgeAfterShards, error)
  }

  #judge(what: string, broken: number, tried: number, after: number, cause: Error): void {
    if (tried < after || broken <= this.#limits.maxBrokenShare * tried) return
    const percent = this.#limits.maxBrokenShare * 100
    throw new DataError(
      `${broken} of ${tried} ${what} cannot be read, more than ${percent} %; the last one: ${cause.message}`,
      { cause },
    )
  }
}

const NONE: LossCounts = { samples: 0, brokenSamples: 0, shards: 0, brokenShards: 0 }
const DEFAULTS = { maxBrokenShare: 0.1, judgeAfterSamples: 100, judgeAfterShards: 10, onLoss: () => {} }
