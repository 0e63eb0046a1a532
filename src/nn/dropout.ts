import type { Tensor } from '../graph/graph.js'
import { dropout as applyMask } from '../graph/index.js'
import { elementCount } from '../graph/types.js'

/** Dropout as a model sees it: the identity when the model only runs. */
export type Dropout = (x: Tensor) => Tensor

export const noDropout: Dropout = (x) => x

/** Masks are drawn with 16 bits a value, so a probability is a multiple of this. */
const PROBABILITY_STEP = 1 / 65_536

/** A place of a training graph that drops values: a uint8 input of 0 and 1, to be filled at every step. */
export interface DropoutSite {
  /** Name of the graph's input. */
  readonly name: string
  readonly shape: readonly number[]
  readonly size: number
  readonly probability: number
}

/** Collects the places where a graph drops values, in the order in which it is drawn. */
export class DropoutSites {
  readonly sites: DropoutSite[] = []
  readonly #probability: number

  constructor(probability: number) {
    this.#probability = Math.round(probability / PROBABILITY_STEP) * PROBABILITY_STEP
  }

  readonly apply: Dropout = (x) => {
    if (this.#probability === 0) return x
    const name = `dropout.${this.sites.length}`
    const shape = x.shape as readonly number[]
    this.sites.push({ name, shape, size: elementCount(shape, 'dropout'), probability: this.#probability })
    return applyMask(x, x.graph.input(name, 'uint8', shape), 1 - this.#probability)
  }
}
