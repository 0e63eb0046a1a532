import { ShapeError } from '../errors.js'
import { type Graph, inferOutputs, type Node, type Tensor } from './graph.js'
import { formatShape, sameShape } from './types.js'

/** The nodes and tensors that `outputs` depend on; nodes in the order of the graph, which is topological. */
export function reachable(outputs: readonly Tensor[]): { nodes: Node[]; tensors: ReadonlySet<Tensor> } {
  const tensors = new Set<Tensor>()
  const nodes = new Set<Node>()
  const pending = [...outputs]
  for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
    if (tensors.has(tensor)) continue
    tensors.add(tensor)
    if (tensor.source.kind !== 'node' || nodes.has(tensor.source.node)) continue
    nodes.add(tensor.source.node)
    pending.push(...tensor.source.node.inputs)
  }
  const graph = outputs[0]?.graph
  return { nodes: graph ? graph.nodes.filter((node) => nodes.has(node)) : [], tensors }
}

/**
 * Checks what must always hold: every node reads tensors that exist before it, of this graph, and its outputs have the
 * types its operator's rule gives. Run after drawing, after differentiation and before a session is made; an error
 * here is a mistake in an operator, not in the caller's data.
 */
export function verify(graph: Graph, outputs: readonly Tensor[] = []): void {
  const known = new Set<Tensor>([...graph.inputs.values(), ...graph.parameters.values()])
  const check = (tensor: Tensor, label: string) => {
    if (tensor.graph !== graph) throw new ShapeError(`${label}: reads a tensor of another graph`)
    if (tensor.source.kind !== 'constant' && !known.has(tensor))
      throw new ShapeError(`${label}: reads tensor ${tensor.id} before it is computed`)
  }
  for (const node of graph.nodes) {
    for (const input of node.inputs) check(input, node.label)
    const types = inferOutputs(node.operator, node.inputs, node.attributes, node.label)
    if (types.length !== node.outputs.length)
      throw new ShapeError(`${node.label}: has ${node.outputs.length} outputs, its rule gives ${types.length}`)
    node.outputs.forEach((output, i) => {
      const type = types[i]!
      if (output.dtype !== type.dtype || !sameShape(output.shape, type.shape))
        throw new ShapeError(
          `${node.label}: output ${i} is ${output.dtype}${formatShape(output.shape)}, its rule gives ${type.dtype}${formatShape(type.shape)}`,
        )
      known.add(output)
    })
  }
  for (const output of outputs) check(output, 'output')
}
