import { beforeEach, describe, expect, it } from 'vitest'
import { Graph, linear, type Node, sum, tanh, Tensor, verify } from '../../src/graph/index.js'
import { CompiledFunction } from '../../src/runtime/index.js'

describe('verify', () => {
  let graph: Graph
  let loss: Tensor
  beforeEach(() => {
    graph = new Graph()
    const x = graph.input('x', 'float32', [4, 3])
    loss = graph.scope('head', () => sum(tanh(linear(x, graph.parameter('weight', [2, 3])))))
  })

  /** Puts a changed copy in the place of a node, as a mistaken operator or pass would. */
  const spoil = (name: string, change: (node: Node) => Partial<Node>) => {
    const at = graph.nodes.findIndex(({ operator }) => operator.name === name)
    graph.nodes[at] = { ...graph.nodes[at]!, ...change(graph.nodes[at]!) }
  }

  it('accepts what operators draw', () => {
    expect(() => verify(graph, [loss])).not.toThrow()
  })

  it('finds an output whose type is not the one of the rule, and says where', () => {
    spoil('tanh', ({ outputs: [y] }) => ({
      outputs: [new Tensor(graph, y!.id, { dtype: 'float32', shape: [4, 9] }, y!.source)],
    }))
    expect(() => verify(graph)).toThrow(/head\/tanh: output 0 is float32\[4, 9\], its rule gives float32\[4, 2\]/)
  })

  it('finds a missing output', () => {
    spoil('tanh', () => ({ outputs: [] }))
    expect(() => verify(graph)).toThrow(/head\/tanh: has 0 outputs, its rule gives 1/)
  })

  it('finds inputs that do not fit the operator', () => {
    spoil('linear', ({ inputs: [x] }) => ({ inputs: [x!, graph.scalar(1)] }))
    expect(() => verify(graph)).toThrow(/head\/linear\(float32\[4, 3\], float32\[\]\): expected x/)
  })

  it('finds a node that reads what comes after it', () => {
    graph.nodes.reverse()
    expect(() => verify(graph)).toThrow(/head\/sum: reads tensor \d+ before it is computed/)
  })

  it('finds a tensor of another graph, also among the outputs', () => {
    const stranger = new Graph().input('y', 'float32', [4, 2])
    spoil('tanh', () => ({ inputs: [stranger] }))
    expect(() => verify(graph)).toThrow(/head\/tanh: reads a tensor of another graph/)
    expect(() => verify(new Graph(), [loss])).toThrow(/output: reads a tensor of another graph/)
  })

  it('stands in front of every session', async () => {
    spoil('tanh', () => ({ outputs: [] }))
    await expect(CompiledFunction.create(graph, { loss })).rejects.toThrow(/head\/tanh: has 0 outputs/)
  })
})
