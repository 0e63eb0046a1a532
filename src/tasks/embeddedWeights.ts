import { ConfigError } from '../errors.js'
import { embeddedFloats, type WeightSource } from '../graph/index.js'

/** Weights as constants of the compiled graph: the runtime repacks them once, for speed. */
export function embeddedWeights(weights: ReadonlyMap<string, Float32Array>): (name: string) => WeightSource {
  return (name) => {
    const data = weights.get(name)
    if (!data) throw new ConfigError(`the graph reads the weight ${name}, which this part of the model does not have`)
    return embeddedFloats(data)
  }
}
