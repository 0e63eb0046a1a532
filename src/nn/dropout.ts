import type { Tensor } from '../graph/graph.js'
import { dropout as applyMask } from '../graph/index.js'
import { staticShape } from '../graph/types.js'

/** Where a training graph wants a dropout mask: a uint8 input to be filled with 0 and 1 at every step. */
export interface DropoutSite {
  readonly input: string
  readonly size: number
  readonly shape: readonly number[]
}

/** Dropout as a model sees it: the identity when it only runs. */
export type Dropout = (x: Tensor) => Tensor

export const noDropout: Dropout = (x) => x

/**
 * Collects the places of a graph that drop values. A byte decides each value, so the probability is rounded to a
 * multiple of 1/256 and the factor is that of the rounded one.
 */
export class DropoutSites {
  readonly sites: DropoutSite[] = []
  /** A value is kept where a random byte is below this. */
  readonly threshold: number

  constructor(probability: number) {
    if (!(probability >= 0 && probability < 1))
      throw new RangeError(`a dropout probability lies in [0, 1), got ${probability}`)
    this.threshold = Math.round((1 - probability) * 256)
  }

  readonly apply: Dropout = (x) => {
    if (this.threshold === 256) return x
    const shape = staticShape(x.shape, 'dropout')
    const input = `dropout.${this.sites.length}`
    this.sites.push({ input, shape, size: shape.reduce((product, size) => product * size, 1) })
    return applyMask(x, x.graph.input(input, 'uint8', shape), this.threshold / 256)
  }
}
