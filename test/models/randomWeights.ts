import type { ParameterSpec } from '../../src/nn/scope.js'
import { randomArray } from '../graph/randomArray.js'
import type { NdArray } from '../reference/ndarray.js'

/** A small random value for every weight that a model declared. */
export const randomWeights = (specs: ReadonlyMap<string, ParameterSpec>): Record<string, NdArray> =>
  Object.fromEntries(
    [...specs.values()].map(({ name, shape }, i) => [name, randomArray(shape, i, { from: -0.5, to: 0.5 })]),
  )
