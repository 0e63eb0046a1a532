import type { AugmentOptions } from '../../image/augment.js'
import type { WarmupCosineOptions } from '../schedule.js'

/** What both stages need to say about how the weights are moved. */
export interface OptimizationConfig {
  readonly batch: number
  readonly steps: number
  readonly schedule: WarmupCosineOptions
  readonly betas: readonly [number, number]
  readonly weightDecay: number
  readonly clipNorm: number
  readonly augment: Omit<AugmentOptions, 'size' | 'mean' | 'std'>
  readonly seed: number
}
