import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, seeds, sizes } from '../properties.js'
import { exactly, floats } from '../randomArray.js'

const WIDTH = 6
const outerShapes = fc.array(sizes, { maxLength: 2 })

describe('softmax and logSoftmax', () => {
  it.each([
    ['softmax', g.softmax],
    ['logSoftmax', g.logSoftmax],
  ] as const)('%s over the last axis', (_, operator) =>
    fc.assert(
      fc.asyncProperty(outerShapes, seeds, async (outer, seed) =>
        checkOperator({
          inputs: { x: floats([...outer, WIDTH], seed, { from: -4, to: 4 }) },
          draw: ({ x }) => operator(x!),
        }),
      ),
      PROPERTY,
    ),
  )

  it('stand large scores and masked ones', () =>
    checkOperator({
      inputs: { x: exactly([2, 3], [1000, 1001, 999, -3.4e38, 0.5, 1]) },
      draw: ({ x }) => [g.softmax(x!), g.logSoftmax(g.slice(x!, 0, 0, 1))],
      gradient: 'none',
    }))

  it('refuse a scalar', () => {
    expect(() => g.softmax(new g.Graph().input('x', 'float32', []))).toThrow(ShapeError)
  })
})

describe('layerNorm', () => {
  const inputs = (outer: readonly number[], seed: number, width = WIDTH) => ({
    x: floats([...outer, width], seed),
    weight: floats([width], seed + 1),
    bias: floats([width], seed + 2),
  })

  it.each([1e-12, 1e-5])('over the last axis, epsilon %f', (epsilon) =>
    fc.assert(
      fc.asyncProperty(outerShapes, seeds, async (outer, seed) =>
        checkOperator({
          inputs: inputs(outer, seed),
          draw: ({ x, weight, bias }) => g.layerNorm(x!, weight!, bias!, epsilon),
        }),
      ),
      PROPERTY,
    ),
  )

  it('follows named sizes', async () => {
    for (const batch of [1, 4]) {
      const { x, ...weights } = inputs([batch, 2], 1)
      await checkOperator({
        inputs: { x: { ...x, declared: ['batch', 2, WIDTH] }, ...weights },
        draw: ({ x, weight, bias }) => g.layerNorm(x!, weight!, bias!, 1e-5),
        gradient: 'none',
      })
    }
  })

  it('refuses a weight of another width', () => {
    const graph = new g.Graph()
    const [x, weight] = [graph.input('x', 'float32', [2, 3]), graph.input('w', 'float32', [4])]
    expect(() => g.layerNorm(x, weight, weight, 1e-5)).toThrow(/weight \[4\] and bias \[4\] must be \[3\]/)
  })
})

describe('rmsNorm', () => {
  it('over the last axis', () =>
    fc.assert(
      fc.asyncProperty(outerShapes, seeds, async (outer, seed) =>
        checkOperator({
          inputs: { x: floats([...outer, WIDTH], seed), weight: floats([WIDTH], seed + 1) },
          draw: ({ x, weight }) => g.rmsNorm(x!, weight!, 1e-6),
        }),
      ),
      PROPERTY,
    ))

  it('refuses a weight of another width', () => {
    const graph = new g.Graph()
    const [x, weight] = [graph.input('x', 'float32', [2, 3]), graph.input('w', 'float32', [4])]
    expect(() => g.rmsNorm(x, weight, 1e-6)).toThrow(ShapeError)
  })
})

describe('normalize', () => {
  it('gives rows of length 1', () =>
    checkOperator({ inputs: { x: floats([3, WIDTH], 1) }, draw: ({ x }) => g.normalize(x!) }))

  it('leaves a row of zeros as it is', () =>
    checkOperator({ inputs: { x: exactly([1, 3], [0, 0, 0]) }, draw: ({ x }) => g.normalize(x!), gradient: 'none' }))
})
