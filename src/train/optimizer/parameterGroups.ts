import type { ParameterSpec } from './parameterMemory.js'

/** Parameters that share their weight decay and their share of the learning rate. */
export interface ParameterGroup {
  readonly names: readonly string[]
  readonly weightDecay: number
  /** Multiplies the learning rate. Default 1. */
  readonly lrScale?: number
}

export interface GroupingOptions {
  /** Decay of the weights that are decayed. Default 0.05 (paper, section 3.4). */
  readonly weightDecay?: number
  /** Layer-wise share of the learning rate, by name. Default: 1 for all. */
  readonly lrScale?: (name: string) => number
}

/**
 * Groups parameters as the authors' code does: vectors and biases are not decayed. So the temperature, a scalar, is,
 * and the query tokens and embeddings are.
 */
export function parameterGroups(parameters: readonly ParameterSpec[], options: GroupingOptions = {}): ParameterGroup[] {
  const { weightDecay: decay = 0.05, lrScale: scaleOf = () => 1 } = options
  const groups = new Map<string, { names: string[]; weightDecay: number; lrScale: number }>()
  for (const { name, shape } of parameters) {
    const weightDecay = shape.length === 1 || name.endsWith('.bias') ? 0 : decay
    const lrScale = scaleOf(name)
    const key = `${weightDecay} ${lrScale}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { names: [name], weightDecay, lrScale })
    else group.names.push(name)
  }
  return [...groups.values()]
}
