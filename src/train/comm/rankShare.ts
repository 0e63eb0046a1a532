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

/**
 * The samples of a rank in parts, for a step that takes them one part after the other: each is what a rank of its own
 * would have. Throws a ConfigError where they cannot be parted evenly.
 */
export function partsOf({ rank, ranks, all, own, first }: RankShare, parts: number): readonly RankShare[] {
  const size = own / parts
  if (!Number.isInteger(size))
    throw new ConfigError(
      `the ${own} samples of a step on this rank cannot be parted evenly into ${parts} passes; accumulate over a number that divides them`,
    )
  return Array.from({ length: parts }, (_, part) => ({
    rank: rank * parts + part,
    ranks: ranks * parts,
    all,
    own: size,
    first: first + part * size,
  }))
}
