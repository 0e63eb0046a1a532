import type { Graph, Node, Tensor } from './graph.js'
import { add } from './operators/elementwise.js'
import { and, greater, less } from './operators/logic.js'
import { reshape, slice } from './operators/shape.js'
import { cast } from './operators/types.js'
import { elementCount } from './types.js'

/**
 * Activation checkpointing (Chen et al. 2016): when the backward pass arrives at a segment of the forward pass, the
 * segment is drawn again from what it reads, so that nothing inside it has to be kept until then.
 */
export class Recomputation {
  readonly #segments = new Map<Node, readonly Node[]>()
  readonly #copies = new Map<Node, Node>()

  /** To be made before gradients are drawn: the segments are numbers of nodes. */
  constructor({ nodes, segments }: Graph) {
    for (const { first, end } of segments) {
      const segment = nodes.slice(first, end)
      for (const node of segment) this.#segments.set(node, segment)
    }
  }

  /**
   * What is differentiated in the place of `node`: its copy where it lies in a segment, else the node itself.
   * @param gradient Of one of the node's outputs. The copies of the segment wait for the first one that is given.
   */
  copyOf(node: Node, gradient: Tensor): Node {
    const segment = this.#segments.get(node)
    if (!segment) return node
    if (!this.#copies.has(node)) this.#draw(segment, gradient)
    return this.#copies.get(node)!
  }

  #draw(segment: readonly Node[], gradient: Tensor): void {
    const { graph } = gradient
    const zero = zeroAfter(gradient)
    const again = new Map<Tensor, Tensor>()
    const read = (tensor: Tensor): Tensor => {
      if (!again.has(tensor)) again.set(tensor, isActivation(tensor) ? add(tensor, zero) : tensor)
      return again.get(tensor)!
    }
    for (const node of segment) {
      const { operator, inputs, attributes, outputs, label } = node
      const copies = graph.scope(`${label} again`, () => graph.apply(operator, inputs.map(read), attributes))
      outputs.forEach((output, i) => {
        again.set(output, copies[i]!)
      })
      const { source } = copies[0]!
      this.#copies.set(node, source.kind === 'node' ? source.node : node)
    }
  }
}

/** Weights, constants and integers are there anyway; copies that read nothing else are the nodes they were drawn from. */
const isActivation = ({ dtype, source }: Tensor): boolean =>
  dtype === 'float32' && (source.kind === 'node' || source.kind === 'input')

/**
 * 0, known only when `gradient` is. The runtime merges equal nodes and computes them as early as it may: neither can
 * happen to what reads this.
 */
function zeroAfter(gradient: Tensor): Tensor {
  const flat = reshape(gradient, [elementCount(gradient.shape, 'recomputation')])
  const value = reshape(slice(flat, 0, 0, 1), [])
  return cast(and(less(value, 0), greater(value, 0)), 'float32')
}
