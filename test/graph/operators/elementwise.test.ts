import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtypeError, ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { exactly, floats, integers } from '../randomArray.js'
import { broadcastPair, PROPERTY, seeds, shapes } from '../properties.js'

describe('binary functions', () => {
  const positive = { from: 0.5, to: 2 }
  it.each([
    ['add', g.add, {}],
    ['sub', g.sub, {}],
    ['mul', g.mul, {}],
    ['div', g.div, positive],
    ['pow', g.pow, positive],
    ['minimum', g.minimum, {}],
    ['maximum', g.maximum, {}],
  ] as const)('%s, broadcast', (_, operator, range) =>
    fc.assert(
      fc.asyncProperty(broadcastPair, seeds, async ([a, b], seed) =>
        checkOperator({
          inputs: { a: floats(a, seed, range), b: floats(b, seed + 1, range) },
          draw: ({ a, b }) => operator(a!, b!),
        }),
      ),
      PROPERTY,
    ),
  )

  it('take a number on either side, of the tensor’s element type', async () => {
    await checkOperator({
      inputs: { x: floats([3], 1) },
      draw: ({ x }) => [g.sub(1, x!), g.div(x!, 4), g.mul(2, g.add(x!, 0.5))],
    })
    await checkOperator({ inputs: { n: integers([4], 9, 1) }, draw: ({ n }) => g.sub(g.mul(n!, 3), 1) })
  })

  it('share the gradient of a tie between smaller and larger', async () => {
    // At a tie the central difference is the mean of both sides, which is the half that each operand gets.
    const inputs = { a: exactly([2], [1, 2]), b: exactly([2], [1, 3]) }
    await checkOperator({ inputs, draw: ({ a, b }) => g.maximum(a!, b!) })
    await checkOperator({ inputs, draw: ({ a, b }) => g.minimum(a!, b!) })
  })

  it('add up the gradient of an operand that is used twice', () =>
    checkOperator({ inputs: { x: floats([2, 3], 5) }, draw: ({ x }) => g.mul(x!, g.add(x!, g.mul(x!, x!))) }))

  it('tell 0 from -0', () =>
    checkOperator({
      inputs: { x: exactly([2], [1, -1]) },
      draw: ({ x }) => [g.greater(g.div(x!, 0), 1), g.greater(g.div(x!, -0), 1)],
    }))

  it('refuse shapes that do not broadcast, naming both and the place', () => {
    const graph = new g.Graph()
    const a = graph.input('a', 'float32', [2, 3])
    const b = graph.input('b', 'float32', [2, 4])
    const draw = () => graph.scope('encoder.layer.3', () => g.add(a, b))
    expect(draw).toThrow(ShapeError)
    expect(draw).toThrow(/encoder\.layer\.3\/add\(float32\[2, 3\], float32\[2, 4\]\).*do not broadcast at axis 1/)
  })

  it('refuse two element types, naming both and the place', () => {
    const graph = new g.Graph()
    const draw = () =>
      graph.scope('head', () => g.mul(graph.input('a', 'float32', [2]), graph.input('n', 'int64', [2])))
    expect(draw).toThrow(DtypeError)
    expect(draw).toThrow(/head\/mul\(float32\[2\], int64\[2\]\).*float32 and int64 differ/)
  })

  it('refuse a fraction beside integers, and two plain numbers', () => {
    const n = new g.Graph().input('n', 'int64', [2])
    expect(() => g.add(n, 0.5)).toThrow(DtypeError)
    expect(() => g.add(1, 2)).toThrow(DtypeError)
  })
})

describe('unary functions', () => {
  const positive = { from: 0.3, to: 3 }
  const wide = { from: -5, to: 5 }
  it.each([
    ['neg', g.neg, {}],
    ['exp', g.exp, {}],
    ['log', g.log, positive],
    ['sqrt', g.sqrt, positive],
    ['tanh', g.tanh, {}],
    ['sigmoid', g.sigmoid, wide],
    ['erf', g.erf, wide],
    ['relu', g.relu, {}],
    ['gelu', g.gelu, wide],
    ['geluTanh', g.geluTanh, wide],
    ['quickGelu', g.quickGelu, wide],
  ] as const)('%s', (_, operator, range) =>
    fc.assert(
      fc.asyncProperty(shapes, seeds, async (shape, seed) =>
        checkOperator({ inputs: { x: floats(shape, seed, range) }, draw: ({ x }) => operator(x!) }),
      ),
      PROPERTY,
    ),
  )

  it('follow a named size', async () => {
    for (const batch of [2, 5])
      await checkOperator({
        inputs: { x: floats([batch, 3], batch, {}, ['batch', 3]) },
        draw: ({ x }) => g.gelu(g.mul(x!, 2)),
        gradient: 'none',
      })
  })

  it('refuse integers', () => {
    expect(() => g.exp(new g.Graph().input('n', 'int64', [2]))).toThrow(/exp\(int64\[2\]\).*expected a float tensor/)
  })
})

describe('stopGradient', () => {
  it('is the identity', () =>
    checkOperator({ inputs: { x: floats([2, 3], 1) }, draw: ({ x }) => g.stopGradient(x!), gradient: 'none' }))

  it('lets no gradient through, and leaves the other paths alone', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [3])
    expect(g.backward(g.sum(g.stopGradient(x)), [x]).get(x)).toEqual({ dense: undefined, rows: [] })
    const { dense } = g.backward(g.sum(g.mul(g.stopGradient(x), x)), [x]).get(x)!
    expect(dense!.shape).toEqual([3])
  })
})

describe('cast', () => {
  it('converts between floats, integers and booleans', () =>
    checkOperator({
      inputs: { x: floats([5], 1, { from: -3, to: 3 }), n: integers([4], 3, 2) },
      draw: ({ x, n }) => [g.cast(x!, 'int64'), g.cast(x!, 'bool'), g.cast(n!, 'float32'), g.cast(n!, 'bool')],
      gradient: 'none',
    }))

  it('carries the gradient between floats, and adds nothing where the type is right', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [3])
    expect(g.cast(x, 'float32')).toBe(x)
    const { dense } = g.backward(g.sum(g.cast(g.cast(x, 'float16'), 'float32')), [x]).get(x)!
    expect(dense!.dtype).toBe('float32')
  })
})

describe('dropout', () => {
  it('scales what the mask keeps', () =>
    fc.assert(
      fc.asyncProperty(shapes, seeds, async (shape, seed) =>
        checkOperator({
          inputs: {
            x: floats(shape, seed),
            mask: { ...integers(shape, 2, seed), dtype: 'uint8' },
          },
          draw: ({ x, mask }) => g.dropout(x!, mask!, 0.9),
        }),
      ),
      PROPERTY,
    ))

  it('refuses a mask that is not uint8', () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', [2])
    expect(() => g.dropout(x, x, 0.9)).toThrow(/a dropout mask must be uint8, got float32/)
  })
})
