import { expect, it } from 'vitest'
import { backward, convolution, Graph, linear, matmul, mean } from '../../src/graph/index.js'
import { operationCount } from '../../src/graph/operationCount.js'

const graph = new Graph()
const input = (name: string, ...shape: number[]) => graph.input(name, 'float32', shape)

it('counts two operations for each term of a product', () => {
  expect(operationCount([linear(input('rows', 3, 4, 5), input('weight', 7, 5))])).toBe(2 * 12 * 7 * 5)
  const [a, b] = [input('a', 2, 3, 4), input('b', 2, 4, 5)]
  expect(operationCount([matmul(a, b)])).toBe(2 * 2 * 3 * 4 * 5)
  expect(operationCount([matmul(input('at', 2, 4, 3), b, { transposeA: true })])).toBe(2 * 2 * 3 * 4 * 5)
  expect(operationCount([matmul(a, input('bt', 5, 4), { transposeB: true })])).toBe(2 * 2 * 3 * 4 * 5)
})

it('counts the backward pass as two more, as it runs', () => {
  const [x, weight] = [input('x', 6, 8), input('w', 9, 8)]
  const loss = mean(linear(x, weight), [0, 1])
  const gradients = [...backward(loss, [x, weight]).values()].map(({ dense }) => dense!)
  expect(operationCount([loss, ...gradients])).toBe(3 * 2 * 6 * 8 * 9)
  const picture = input('picture', 2, 3, 8, 8)
  const kernel = input('kernel', 5, 3, 4, 4)
  const seen = mean(convolution(picture, kernel, { stride: 4 }), [0, 1, 2, 3])
  const adjoints = [...backward(seen, [picture, kernel]).values()].map(({ dense }) => dense!)
  expect(operationCount([seen, ...adjoints])).toBe(3 * 2 * (2 * 5 * 2 * 2) * (3 * 4 * 4))
})
