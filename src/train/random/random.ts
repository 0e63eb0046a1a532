import { ConfigError } from '../../errors.js'
import { counterHash, sequenceKeys } from './counterHash.js'

/** Everything a generator is, as JSON. */
export interface RandomState {
  readonly seed: number
  readonly stream: string
  /** Numbers of 32 bits drawn so far. */
  readonly counter: number
}

/**
 * A seeded generator based on a counter: the same seed, stream and counter give the same numbers on every machine, and
 * streams do not depend on how much another one has drawn.
 */
export class Random {
  readonly #seed: number
  readonly #stream: string
  readonly #key0: number
  readonly #key1: number
  #counter: number

  /** @param seed An integer from 0 to 2^53 - 1. */
  constructor(seed: number, stream = '', counter = 0) {
    if (!Number.isSafeInteger(seed) || seed < 0) throw new ConfigError(`a seed is an integer >= 0, got ${seed}`)
    this.#seed = seed
    this.#stream = stream
    ;[this.#key0, this.#key1] = sequenceKeys(seed, stream)
    this.#counter = counter
  }

  static fromState({ seed, stream, counter }: RandomState): Random {
    return new Random(seed, stream, counter)
  }

  get state(): RandomState {
    return { seed: this.#seed, stream: this.#stream, counter: this.#counter }
  }

  /** A generator of its own for one purpose, such as 'shuffle' or 'epoch 3'; this one is not advanced. */
  fork(name: string): Random {
    return new Random(this.#seed, `${this.#stream}/${name}`)
  }

  /** Uniform in [0, 1), with 53 random bits. */
  uniform(): number {
    const high = this.#next() >>> 5
    const low = this.#next() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  /** Standard normal, by Box and Muller's method. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Uniform among 0 ... n - 1. */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) throw new ConfigError(`integer(n) needs an integer n >= 1, got ${n}`)
    return Math.floor(this.uniform() * n)
  }

  /** Shuffles in place, all orders equally likely, and returns the array. */
  shuffle<T extends unknown[] | Int32Array | Uint32Array>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const swapped = array[i]
      array[i] = array[j]
      array[j] = swapped
    }
    return array
  }

  /** An index, each as likely as its share of the weights, which are >= 0 and not all 0. */
  choice(weights: ArrayLike<number>): number {
    let total = 0
    for (let i = 0; i < weights.length; i++) {
      if (!(weights[i]! >= 0)) throw new ConfigError(`weight ${i} of a choice is ${weights[i]}; expected a number >= 0`)
      total += weights[i]!
    }
    if (!(total > 0 && total < Number.POSITIVE_INFINITY))
      throw new ConfigError(`the weights of a choice add up to ${total}; expected a positive number`)
    let left = this.uniform() * total
    let last = 0
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue
      last = i
      left -= weights[i]!
      if (left < 0) break
    }
    return last
  }

  #next(): number {
    const counter = this.#counter++
    // Above 2^32 draws the keys change with the high half, so that no sequence comes round.
    const high = counter < 2 ** 32 ? 0 : Math.floor(counter / 2 ** 32)
    return counterHash(counter, this.#key0, this.#key1 ^ high)
  }
}
