import type { Tensor } from '../graph/index.js'
import type { KeyValue } from '../models/qformer.js'
import { float32, type Value } from '../runtime/index.js'

type Arrays = Readonly<Record<string, Float32Array>>

export interface CacheSizes {
  readonly layers: number
  readonly heads: number
  /** Width of a head. */
  readonly headSize: number
}

/** Keys and values of every layer under the names that a cache knows them by, 'key.0' and so on. */
export const namedCache = (cache: readonly KeyValue[], prefix = ''): Record<string, Tensor> =>
  Object.fromEntries(
    cache.flatMap(({ key, value }, i) => [
      [`${prefix}key.${i}`, key],
      [`${prefix}value.${i}`, value],
    ]),
  )

/**
 * Keys and values of every layer: two sets of arrays that take turns, for a step reads one and writes the other, with
 * its rows in a new order. They are allocated once, so a step neither allocates nor copies in JavaScript. (Writing in
 * place was measured too: it is faster for greedy search and slower for beams, whose rows it has to move.)
 */
export class KeyValueCache {
  readonly #names: readonly string[]
  readonly #heads: number
  readonly #size: number
  readonly #maxLength: number
  #current: Arrays = {}
  #other: Arrays = {}
  #rows = 0
  #length = 0

  /** @param maxLength Tokens of the longest text, prompt included. */
  constructor({ layers, heads, headSize }: CacheSizes, maxLength: number) {
    this.#names = Array.from({ length: layers }, (_, i) => [`key.${i}`, `value.${i}`]).flat()
    this.#heads = heads
    this.#size = headSize
    this.#maxLength = maxLength
  }

  get length(): number {
    return this.#length
  }

  /** Nothing, for the first of `rows` rows, under the names that `feeds` has. */
  emptyFeeds(rows: number): Record<string, Value> {
    const empty = float32([rows, this.#heads, 0, this.#size], new Float32Array())
    return Object.fromEntries(this.#names.map((name) => [`past.${name}`, empty]))
  }

  /** What the last step wrote, by the names 'past.key.0' and so on: [rows, heads, length, size] */
  feeds(): Record<string, Value> {
    const shape = [this.#rows, this.#heads, this.#length, this.#size]
    const count = this.#count(this.#rows, this.#length)
    return Object.fromEntries(
      this.#names.map((name) => [`past.${name}`, float32(shape, this.#current[name]!.subarray(0, count))]),
    )
  }

  /** Arrays for the next step to write, by the names 'key.0' and so on; they are current after `advance`. */
  targets(rows: number, length: number): Record<string, Float32Array> {
    const count = this.#count(rows, length)
    if ((this.#other[this.#names[0]!]?.length ?? 0) < count) {
      // The prompt's rows are few; from the first step on there may be a row for every beam.
      const capacity = this.#length === 0 ? count : this.#count(rows, this.#maxLength)
      this.#other = Object.fromEntries(this.#names.map((name) => [name, new Float32Array(capacity)]))
    }
    return Object.fromEntries(this.#names.map((name) => [name, this.#other[name]!.subarray(0, count)]))
  }

  advance(rows: number, length: number): void {
    ;[this.#current, this.#other] = [this.#other, this.#current]
    this.#rows = rows
    this.#length = length
  }

  #count(rows: number, length: number): number {
    return rows * this.#heads * length * this.#size
  }
}
