import type { Tensor } from './graph.js'
import { type DType, elementCount } from './types.js'
import { reachable } from './verify.js'

const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
}

/** Operators whose output is the input's memory under another shape. */
const VIEWS: ReadonlySet<string> = new Set(['reshape'])

export const tensorBytes = ({ dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>): number =>
  DTYPE_BYTES[dtype] * elementCount(shape)

/**
 * Bytes of the values that exist at the fullest moment of a run: each from the node that computes it to the last that
 * reads it. Inputs, weights, constants and the outputs themselves are not counted, and neither is what an operator needs
 * while it works. All sizes must be known.
 */
export function liveBytes(outputs: readonly Tensor[]): number {
  const { nodes } = reachable(outputs)
  const owner = new Map<Tensor, Tensor>()
  const ownerOf = (tensor: Tensor): Tensor => owner.get(tensor) ?? tensor
  const lastReader = new Map<Tensor, number>()
  nodes.forEach(({ operator, inputs, outputs: made }, index) => {
    if (VIEWS.has(operator.name)) owner.set(made[0]!, ownerOf(inputs[0]!))
    for (const input of inputs) lastReader.set(ownerOf(input), index)
  })
  const given = new Set(outputs.map(ownerOf))
  const alive = new Map<Tensor, number>()
  let [live, peak] = [0, 0]
  nodes.forEach(({ operator, inputs, outputs: made }, index) => {
    if (!VIEWS.has(operator.name))
      for (const output of made) {
        if (given.has(output) || !lastReader.has(output)) continue
        alive.set(output, tensorBytes(output))
        live += tensorBytes(output)
      }
    peak = Math.max(peak, live)
    for (const input of new Set(inputs.map(ownerOf))) {
      if (lastReader.get(input) !== index) continue
      live -= alive.get(input) ?? 0
      alive.delete(input)
    }
  })
  return peak
}
