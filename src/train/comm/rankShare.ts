import { ConfigError } from '../../errors.js'
import type { Communicator } from './communicator.js'

/** The part of each batch that is one rank's: consecutive samples, as many for each rank. */
export interface RankShare {
  readonly rank: number
  readonly ranks: number
  /** Samples of the whole batch. */
  readonly all: number
  /** Samples of this rank, and the number of the first of them in the batch. */
  readonly own: number
  readonly first: number
}

/** Throws a ConfigError where the batch cannot be shared evenly. */
export function rankShare({ rank, size }: Pick<Communicator, 'rank' | 'size'>, batch: number): RankShare {
  const own = batch / size
  if (!Number.isInteger(own))
    throw new ConfigError(
      `a batch of ${batch} cannot be shared evenly by ${size} ranks; start a number of ranks that divides it`,
    )
  return { rank, ranks: size, all: batch, own, first: rank * own }
}
