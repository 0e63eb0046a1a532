import type { DataError } from '../errors.js'
import type { Shard } from './loader/shard.js'
import type { UnopenedPicture } from './loader/shards.js'

/** A shard of a data set that is read once through, and where its positions end. */
export interface DataShard {
  readonly shard: Shard<UnopenedPicture>
  /** For the time that is left; asked for when the shard is begun. */
  readonly extent: () => Promise<number>
}

export interface DataSource {
  readonly name: string
  readonly shards: readonly DataShard[]
}

/** Where reading goes on: a position in a shard of a source. */
export interface DataPlace {
  readonly source: number
  readonly shard: number
  readonly offset: number
}

/** A sample of a data set that is read once through, or a shard whose rest cannot be read. */
export type DataItem = {
  /** Name of its source. */
  readonly source: string
  /** Where reading goes on after it. */
  readonly next: DataPlace
  /** The part of the whole that is read then, about. */
  readonly fraction: number
} & (
  | { readonly key: string; readonly open: UnopenedPicture; readonly error?: never }
  | { readonly key: string; readonly error: DataError; readonly open?: never }
)
