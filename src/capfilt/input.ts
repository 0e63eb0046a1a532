import type { DataError } from '../errors.js'
import type { Shard } from '../data/loader/shard.js'
import type { UnopenedPicture } from '../data/loader/shards.js'

/** A shard of the input, and where its positions end. */
export interface InputShard {
  readonly shard: Shard<UnopenedPicture>
  /** For the time that is left; asked for when the shard is begun. */
  readonly extent: () => Promise<number>
}

export interface InputSource {
  readonly name: string
  readonly shards: readonly InputShard[]
}

/** Where reading goes on: a position in a shard of a source. */
export interface InputPlace {
  readonly source: number
  readonly shard: number
  readonly offset: number
}

/** A sample, or a shard whose rest cannot be read. */
export type InputItem = {
  /** Its source. */
  readonly source: string
  /** Where reading goes on after it. */
  readonly next: InputPlace
  /** The part of the whole input that is read then, about. */
  readonly fraction: number
} & (
  | { readonly key: string; readonly open: UnopenedPicture; readonly error?: never }
  | { readonly key: string; readonly error: DataError; readonly open?: never }
)
