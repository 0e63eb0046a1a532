import { addHistograms, count, emptyHistogram, type Histogram } from './histogram.js'
import type { DataPlace } from '../data/dataItem.js'
import type { PictureBatch } from './pictureBatches.js'
import type { RankedCandidate } from './rankCandidates.js'
import type { ShardStats } from './shardStats.js'

/** Counts one shard of the output while it is written. */
export class ShardCounts {
  #samples = 0
  #pictures = 0
  #brokenShards = 0
  #next: DataPlace = { source: 0, shard: 0, offset: 0 }
  #bestByModel = 0
  readonly #kept = { web: 0, model: 0 }
  readonly #similarity = { web: emptyHistogram(), model: emptyHistogram(), kept: emptyHistogram() }

  /** A picture with its captions, best first, the first `keep` of which are kept. */
  add(ranked: readonly RankedCandidate[], keep: number): void {
    this.#pictures++
    if (ranked[0]?.origin === 'model') this.#bestByModel++
    ranked.forEach(({ origin, similarity }, i) => {
      count(this.#similarity[origin], similarity)
      if (i >= keep) return
      this.#kept[origin]++
      count(this.#similarity.kept, similarity)
    })
  }

  /** A batch that is done. */
  pass({ samples, broken, next }: PictureBatch): void {
    this.#samples += samples
    this.#brokenShards += broken.filter(({ kind }) => kind === 'shard').length
    this.#next = next
  }

  stats(): ShardStats {
    return {
      count: this.#samples,
      successes: this.#pictures,
      failed_to_download: this.#samples - this.#pictures,
      failed_to_resize: 0,
      broken_shards: this.#brokenShards,
      next: this.#next,
      kept: this.#kept,
      best_by_model: this.#bestByModel,
      similarity: this.#similarity,
    }
  }
}

/** What became of a whole data set. */
export interface CapfiltSummary {
  readonly shards: number
  /** Samples of the input, and those of them that were written. */
  readonly samples: number
  readonly pictures: number
  readonly brokenShards: number
  /** Captions kept, by where they are from. */
  readonly kept: { readonly web: number; readonly model: number }
  /** Pictures whose best caption is the captioner's. */
  readonly bestByModel: number
  readonly similarity: { readonly web: Histogram; readonly model: Histogram; readonly kept: Histogram }
}

export function summarize(shards: readonly ShardStats[]): CapfiltSummary {
  const total = (value: (stats: ShardStats) => number) => shards.reduce((sum, stats) => sum + value(stats), 0)
  const merged = (kind: keyof ShardStats['similarity']) =>
    shards.reduce((sum, { similarity }) => addHistograms(sum, similarity[kind]), emptyHistogram())
  return {
    shards: shards.length,
    samples: total(({ count }) => count),
    pictures: total(({ successes }) => successes),
    brokenShards: total(({ broken_shards }) => broken_shards),
    kept: { web: total(({ kept }) => kept.web), model: total(({ kept }) => kept.model) },
    bestByModel: total(({ best_by_model }) => best_by_model),
    similarity: { web: merged('web'), model: merged('model'), kept: merged('kept') },
  }
}
