import type { Node, Tensor } from './graph.js'
import { elementCount } from './types.js'
import { reachable } from './verify.js'

/**
 * Floating-point operations of the products and convolutions that `outputs` need; all else is little beside them. All
 * sizes must be known.
 */
export const operationCount = (outputs: readonly Tensor[]): number =>
  reachable(outputs).nodes.reduce((sum, node) => sum + (OPERATIONS[node.operator.name]?.(node) ?? 0), 0)

/** A multiplication and an addition for each value of the result and each term of its sum. */
const OPERATIONS: Readonly<Record<string, (node: Node) => number>> = {
  linear: ({ inputs: [, weight], outputs: [y] }) => 2 * elements(y!) * (weight!.size(1) as number),
  // [rows, inner] x [inner, columns], either of them read transposed
  matmul: ({ inputs: [a], outputs: [y] }) => {
    const inner = ((a!.size(-1) as number) * (a!.size(-2) as number)) / (y!.size(-2) as number)
    return 2 * elements(y!) * inner
  },
  convolution: ({ inputs: [, weight], outputs: [y] }) => 2 * elements(y!) * kernel(weight!),
  convolutionInputAdjoint: ({ inputs: [dy, weight] }) => 2 * elements(dy!) * kernel(weight!),
  convolutionWeightAdjoint: ({ inputs: [, dy], outputs: [dWeight] }) => 2 * elements(dy!) * kernel(dWeight!),
}

const elements = ({ shape }: Tensor): number => elementCount(shape)

/** Values that one value of the result is added up from. weight: [out, in, height, width] */
const kernel = (weight: Tensor): number => elements(weight) / (weight.size(0) as number)
