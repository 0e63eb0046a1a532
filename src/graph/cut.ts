import { Graph, type Node, type Tensor } from './graph.js'
import { reachable } from './verify.js'

/** What is left of a graph when a part of it has been run. */
export interface Cut {
  /** Values of the first part that the rest reads, by the names of the inputs through which it does. */
  readonly held: Readonly<Record<string, Tensor>>
  /** The rest, as a graph of its own. */
  readonly graph: Graph
  readonly outputs: Readonly<Record<string, Tensor>>
}

/**
 * Operators that the rest draws again, because handing their values over costs more: the runtime gives each output to its
 * caller as another copy, which is garbage at once (about 1 ms a megabyte). What they read is held in any case, since
 * their gradients read it as well.
 */
const DRAWN_AGAIN: ReadonlySet<string> = new Set(['reshape', 'expandBatch', 'gelu', 'layerNorm'])

/**
 * Cuts a graph so that it can run in two parts: first what `early` needs, for values that are wanted before all inputs
 * are known; then the rest of what `outputs` need, which reads what the first part has computed. No product is computed
 * twice.
 */
export function cutAfter(early: readonly Tensor[], outputs: Readonly<Record<string, Tensor>>): Cut {
  const first = new Set(reachable(early).nodes)
  const graph = new Graph()
  const held: Record<string, Tensor> = {}
  const copies = new Map<Tensor, Tensor>()

  const copyOf = (tensor: Tensor): Tensor => {
    const { id, source, dtype, shape } = tensor
    switch (source.kind) {
      case 'input':
        return graph.input(source.name, dtype, shape)
      case 'parameter':
        return graph.parameter(source.name, shape, dtype)
      case 'constant':
        return graph.constant(source.data, shape)
      case 'node': {
        const name = `held ${id}`
        held[name] = tensor
        return graph.input(name, dtype, shape)
      }
    }
  }
  const read = (tensor: Tensor): Tensor => {
    const { source } = tensor
    if (!copies.has(tensor)) {
      if (source.kind === 'node' && DRAWN_AGAIN.has(source.node.operator.name)) drawAgain(source.node)
      else copies.set(tensor, copyOf(tensor))
    }
    return copies.get(tensor)!
  }
  const drawAgain = ({ operator, inputs, attributes, outputs: made, label }: Node): void => {
    const place = label.split('/').slice(0, -1)
    const draw = () => graph.apply(operator, inputs.map(read), attributes)
    const again = place.length > 0 ? graph.scope(place.join('/'), draw) : draw()
    for (const [i, tensor] of made.entries()) copies.set(tensor, again[i]!)
  }

  const wanted = Object.entries(outputs)
  for (const node of reachable(wanted.map(([, tensor]) => tensor)).nodes) if (!first.has(node)) drawAgain(node)
  return { held, graph, outputs: Object.fromEntries(wanted.map(([name, tensor]) => [name, read(tensor)])) }
}
