import { expect, it } from 'vitest'
import { add, Graph, matmul, mul, reshape } from '../../src/graph/index.js'
import { liveBytes } from '../../src/graph/liveBytes.js'

it('counts each value from the node that makes it to the last that reads it', () => {
  const graph = new Graph()
  const x = graph.input('x', 'float32', [10, 10])
  const a = mul(x, 2)
  const b = mul(a, 3)
  const c = mul(b, 4)
  // a and b, then b and c.
  expect(liveBytes([mul(c, 5)])).toBe(2 * 400)
  // a is read again at the end.
  expect(liveBytes([add(mul(c, 5), a)])).toBe(3 * 400)
})

it('counts views once, and outputs, inputs and weights not at all', () => {
  const graph = new Graph()
  const x = graph.input('x', 'float32', [10, 10])
  const product = matmul(x, graph.parameter('w', [10, 20]))
  const view = reshape(product, [200])
  expect(liveBytes([product])).toBe(0)
  expect(liveBytes([view])).toBe(0)
  expect(liveBytes([mul(view, 2)])).toBe(800)
})
