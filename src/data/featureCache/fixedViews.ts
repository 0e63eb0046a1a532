import type { RandomSource } from '../../image/augment.js'
import { Random } from '../../train/random/random.js'

/** Views of each picture that are the same in every epoch, instead of new ones at each step. */
export interface FixedViews {
  /** Of each picture. */
  readonly count: number
  readonly seed: number
}

export interface ViewPlace {
  readonly picture: number
  readonly view: number
}

/** What a view is drawn from. */
export function viewRandom({ seed }: FixedViews, { picture, view }: ViewPlace): RandomSource {
  const random = new Random(seed, `view/${picture}/${view}`)
  return () => random.uniform()
}
