import { WeightsError } from '../errors.js'
import { embeddedFloats } from '../graph/index.js'
import type { CompileOptions } from '../runtime/index.js'

/** The weights of a part as constants of the graphs that run it: in memory, or mapped from a file by the runtime. */
export type GraphWeights = Required<Pick<CompileOptions, 'weight'>> &
  Pick<CompileOptions, 'weightDirectory' | 'prepack'>

/** Weights in memory, which the runtime repacks once, for speed. */
export const heldWeights = (weights: ReadonlyMap<string, Float32Array>): GraphWeights => ({
  weight: (name) => embeddedFloats(findWeight(weights, name)),
})

/** @throws WeightsError for a name that is not there. */
export function findWeight<T>(weights: ReadonlyMap<string, T>, name: string): T {
  const found = weights.get(name)
  if (found === undefined)
    throw new WeightsError(`the graph reads the weight ${name}, which this part of the model does not have`)
  return found
}
