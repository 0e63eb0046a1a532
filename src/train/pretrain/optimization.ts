import type { FixedViews } from '../../data/featureCache/fixedViews.js'
import type { AugmentOptions } from '../../image/augment.js'
import type { WarmupCosineOptions } from '../schedule.js'

/** What both stages need to say about how the weights are moved. */
export interface OptimizationConfig {
  readonly batch: number
  readonly steps: number
  readonly schedule: WarmupCosineOptions
  readonly betas: readonly [number, number]
  readonly weightDecay: number
  /** Default: the gradient is not clipped. */
  readonly clipNorm?: number
  readonly augment: Omit<AugmentOptions, 'size' | 'mean' | 'std'>
  /** Views of each picture that are the same in every epoch (default: new ones at each step). */
  readonly views?: FixedViews
  readonly seed: number
}
