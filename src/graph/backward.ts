import { ShapeError } from '../errors.js'
import type { Tensor } from './graph.js'
import { add } from './operators/elementwise.js'
import { EMBEDDING } from './operators/indexing.js'
import { Recomputation } from './recomputation.js'
import { isFloat, sameShape } from './types.js'
import { reachable, verify } from './verify.js'

/** Gradient of an embedding table as the rows that were looked up. ids: int64 [...], values: [..., width] */
export interface RowGradient {
  readonly ids: Tensor
  readonly values: Tensor
}

/** The gradient of a tensor is the sum of its dense part and of its rows; both may be absent (no path to the loss). */
export interface Gradient {
  readonly dense: Tensor | undefined
  readonly rows: readonly RowGradient[]
}

export interface BackwardOptions {
  /**
   * Compute each segment of the graph (`Graph.segment`) again when its gradients are due, instead of keeping what it
   * computes: less memory for one more forward pass. Default false.
   */
  readonly recompute?: boolean
}

/**
 * Reverse-mode differentiation: adds to the graph the gradients of the scalar `loss` with respect to `wrt`.
 * Lookups in a table that is in `wrt` stay as rows, so a large vocabulary costs only the rows in use.
 */
export function backward(
  loss: Tensor,
  wrt: readonly Tensor[],
  { recompute = false }: BackwardOptions = {},
): Map<Tensor, Gradient> {
  if (loss.rank !== 0 || !isFloat(loss.dtype))
    throw new ShapeError(`only a scalar float loss has a gradient, got ${loss.dtype}[${loss.shape.join(', ')}]`)
  const targets = new Set(wrt)
  const { nodes } = reachable([loss])
  const needed = dependents(nodes, targets)
  const adjoints = new Map<Tensor, Tensor>([[loss, loss.graph.scalar(1)]])
  const rows = new Map<Tensor, RowGradient[]>()
  const recomputation = recompute ? new Recomputation(loss.graph) : undefined
  const accumulate = (tensor: Tensor, gradient: Tensor) => {
    if (!sameShape(tensor.shape, gradient.shape))
      throw new ShapeError(
        `a gradient of shape [${gradient.shape.join()}] for a tensor of shape [${tensor.shape.join()}]`,
      )
    const known = adjoints.get(tensor)
    adjoints.set(tensor, known ? add(known, gradient) : gradient)
  }

  for (const node of nodes.reverse()) {
    const { operator, inputs, outputs, label } = node
    const gradient = operator.gradient
    const outputGradients = outputs.map((output) => adjoints.get(output))
    const known = outputGradients.find((dy) => dy)
    if (gradient === 'none' || !known || !inputs.some((input) => needed.has(input))) continue
    const [table, ids] = inputs
    if (operator.name === EMBEDDING && targets.has(table!)) {
      rows.set(table!, [...(rows.get(table!) ?? []), { ids: ids!, values: outputGradients[0]! }])
      continue
    }
    const inputGradients = loss.graph.scope(`${label}'`, () =>
      gradient(recomputation?.copyOf(node, known) ?? node, outputGradients),
    )
    inputs.forEach((input, i) => {
      const dx = inputGradients[i]
      if (dx && needed.has(input)) accumulate(input, dx)
    })
  }
  const gradients = new Map(
    wrt.map((tensor) => [tensor, { dense: adjoints.get(tensor), rows: rows.get(tensor) ?? [] }]),
  )
  verify(loss.graph)
  return gradients
}

/** The tensors that depend on one of `targets`, and the targets themselves: only these need an adjoint. */
function dependents(nodes: ReturnType<typeof reachable>['nodes'], targets: ReadonlySet<Tensor>): ReadonlySet<Tensor> {
  const found = new Set(targets)
  for (const node of nodes)
    if (node.inputs.some((input) => found.has(input))) for (const output of node.outputs) found.add(output)
  return found
}
