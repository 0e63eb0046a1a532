import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../src/errors.js'
import * as g from '../../src/graph/index.js'
import { interpret } from '../reference/interpret.js'
import { randomArray } from './randomArray.js'

const [ENTRIES, WIDTH] = [5, 3]

describe('backward', () => {
  it('takes a scalar float loss only', () => {
    const graph = new g.Graph()
    const [x, n] = [graph.input('x', 'float32', [2]), graph.input('n', 'int64', [])]
    expect(() => g.backward(x, [x])).toThrow(/only a scalar float loss has a gradient, got float32\[2\]/)
    expect(() => g.backward(n, [x])).toThrow(ShapeError)
  })

  it('gives nothing where no path leads to the loss', () => {
    const graph = new g.Graph()
    const [x, y] = [graph.input('x', 'float32', [2]), graph.input('y', 'float32', [2])]
    const gradients = g.backward(g.sum(x), [x, y])
    expect(gradients.get(y)).toEqual({ dense: undefined, rows: [] })
    expect(gradients.get(x)!.dense!.shape).toEqual([2])
  })

  it('draws nothing for weights that are not asked for', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [4, WIDTH])
    const frozen = graph.parameter('frozen', [WIDTH, WIDTH])
    const trained = graph.parameter('trained', [WIDTH, WIDTH])
    const loss = g.sum(g.linear(g.linear(x, frozen), trained))
    const { dense } = g.backward(loss, [trained]).get(trained)!
    const products = [...g.toOnnx(graph, { loss, dense: dense! }).labels.keys()].filter((name) => /MatMul/.test(name))
    // Two layers forward, one weight's gradient; the frozen layer's would be two more.
    expect(products).toHaveLength(3)
  })

  it('leaves a lookup in a weight as rows, one entry for each lookup', () => {
    const graph = new g.Graph()
    const table = graph.parameter('table', [ENTRIES, WIDTH])
    const [a, b] = [graph.input('a', 'int64', [2, 4]), graph.input('b', 'int64', [3])]
    const loss = g.add(g.sum(g.embedding(table, a)), g.sum(g.tanh(g.embedding(table, b))))
    const { dense, rows } = g.backward(loss, [table]).get(table)!
    expect(dense).toBeUndefined()
    expect(rows.map(({ ids, values }) => [ids, values.shape])).toEqual([
      [b, [3, WIDTH]],
      [a, [2, 4, WIDTH]],
    ])
  })

  it('gives rows and a dense part for a table that is also the output layer', () => {
    const graph = new g.Graph()
    const table = graph.parameter('table', [ENTRIES, WIDTH])
    const ids = graph.input('ids', 'int64', [4])
    const labels = graph.input('labels', 'int64', [4])
    const loss = g.crossEntropy(g.linear(g.tanh(g.embedding(table, ids)), table), labels)
    const { dense, rows } = g.backward(loss, [table]).get(table)!
    expect(dense!.shape).toEqual([ENTRIES, WIDTH])
    expect(rows).toHaveLength(1)

    const feeds = {
      table: randomArray([ENTRIES, WIDTH], 1),
      ids: { shape: [4], data: Float64Array.of(0, 3, 3, 1) },
      labels: { shape: [4], data: Float64Array.of(3, 2, 0, -100) },
    }
    const [dense0, values] = interpret([dense!, rows[0]!.values], feeds)
    const total = dense0!.data.slice()
    feeds.ids.data.forEach((id, row) => {
      for (let i = 0; i < WIDTH; i++) total[id * WIDTH + i]! += values!.data[row * WIDTH + i]!
    })
    const lossAt = (element: number, amount: number) => {
      const data = feeds.table.data.slice()
      data[element]! += amount
      return interpret([loss], { ...feeds, table: { shape: [ENTRIES, WIDTH], data } })[0]!.data[0]!
    }
    total.forEach((gradient, i) => {
      expect(gradient).toBeCloseTo((lossAt(i, 1e-4) - lossAt(i, -1e-4)) / 2e-4, 7)
    })
  })

  it('differentiates with respect to a value inside the graph', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2])
    const inner = g.mul(x, 3)
    const { dense } = g.backward(g.sum(g.mul(inner, inner)), [inner]).get(inner)!
    const [values] = interpret([dense!], { x: { shape: [2], data: Float64Array.of(1, 2) } })
    expect([...values!.data]).toEqual([6, 12])
  })

  it('gives the loss itself the gradient 1', () => {
    const x = new g.Graph().input('x', 'float32', [])
    const [values] = interpret([g.backward(x, [x]).get(x)!.dense!], { x: { shape: [], data: Float64Array.of(5) } })
    expect(values!.data[0]).toBe(1)
  })

  it('labels gradient nodes with the place of the node they belong to', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2])
    const loss = graph.scope('encoder.layer.3', () => g.sum(g.tanh(x)))
    g.backward(loss, [x])
    expect(graph.nodes.map(({ label }) => label)).toContain("encoder.layer.3/tanh'/mul")
  })
})

describe('a graph', () => {
  it('shares common subexpressions and small constants', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2, 2])
    expect(g.add(x, 1)).toBe(g.add(x, 1))
    expect(g.matmul(x, x)).toBe(g.matmul(x, x))
    expect(g.matmul(x, x)).not.toBe(g.matmul(x, x, { transposeA: true }))
    expect(graph.scalar(0)).not.toBe(graph.scalar(-0))
    expect(graph.nodes).toHaveLength(3)
  })

  it('gives the same weight for the same name, and refuses another shape or role for it', () => {
    const graph = new g.Graph()
    const weight = graph.parameter('weight', [2, 3])
    expect(graph.parameter('weight', [2, 3])).toBe(weight)
    expect(() => graph.parameter('weight', [3, 2])).toThrow(/declared as float32\[2, 3\] and again as float32\[3, 2\]/)
    expect(() => graph.input('weight', 'float32', [2, 3])).toThrow(/used for an input and for a parameter/)
    expect(() => graph.input('/t1', 'float32', [2])).toThrow(/must not be empty or begin with/)
  })

  it('refuses a constant of another size, and a tensor of another graph', () => {
    const graph = new g.Graph()
    expect(() => graph.constant(Float32Array.of(1, 2), [3])).toThrow(/needs 3 values, got 2/)
    const stranger = new g.Graph().input('x', 'float32', [2])
    expect(() => g.add(graph.input('x', 'float32', [2]), stranger)).toThrow(/belongs to another graph/)
  })
})
