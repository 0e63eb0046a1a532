import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtypeError, ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { broadcastPair, PROPERTY, ranked, seeds, sizes } from '../properties.js'
import { floats } from '../randomArray.js'

describe('matmul', () => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('transposeA %s, transposeB %s, batches broadcast', (transposeA, transposeB) =>
    fc.assert(
      fc.asyncProperty(broadcastPair, sizes, sizes, sizes, seeds, async ([a, b], rows, inner, columns, seed) => {
        const shapeA = [...a.slice(-2), ...(transposeA ? [inner, rows] : [rows, inner])]
        const shapeB = [...b.slice(-2), ...(transposeB ? [columns, inner] : [inner, columns])]
        await checkOperator({
          inputs: { a: floats(shapeA, seed), b: floats(shapeB, seed + 1) },
          draw: ({ a, b }) => g.matmul(a!, b!, { transposeA, transposeB, alpha: 0.5 }),
        })
      }),
      PROPERTY,
    ),
  )

  it('is plain by default', () =>
    checkOperator({
      inputs: { a: floats([3, 4], 1), b: floats([4, 2], 2) },
      draw: ({ a, b }) => g.matmul(a!, b!),
    }))

  it('follows named sizes', async () => {
    for (const [batch, tokens] of [
      [1, 3],
      [2, 5],
    ] as const)
      await checkOperator({
        inputs: {
          q: floats([batch, 2, tokens, 4], 1, {}, ['batch', 2, 'tokens', 4]),
          k: floats([batch, 2, tokens, 4], 2, {}, ['batch', 2, 'tokens', 4]),
        },
        draw: ({ q, k }) => g.matmul(q!, k!, { transposeB: true, alpha: 0.5 }),
        gradient: 'none',
      })
  })

  it('refuses inner sizes that differ, a vector, two element types', () => {
    const graph = new g.Graph()
    const input = (name: string, shape: number[], dtype: g.DType = 'float32') => graph.input(name, dtype, shape)
    expect(() => g.matmul(input('a', [2, 3]), input('b', [4, 5]))).toThrow(/the inner sizes 3 and 4 differ/)
    expect(() => g.matmul(input('v', [3]), input('w', [3, 2]))).toThrow(ShapeError)
    expect(() => g.matmul(input('x', [2, 2]), input('h', [2, 2], 'float16'))).toThrow(DtypeError)
  })
})

describe('linear', () => {
  it.each([true, false])('with bias: %s', (bias) =>
    fc.assert(
      fc.asyncProperty(ranked, sizes, seeds, async (shape, out, seed) =>
        checkOperator({
          inputs: {
            x: floats(shape, seed),
            weight: floats([out, shape.at(-1)!], seed + 1),
            ...(bias ? { bias: floats([out], seed + 2) } : {}),
          },
          draw: ({ x, weight, bias }) => g.linear(x!, weight!, bias),
        }),
      ),
      PROPERTY,
    ),
  )

  it.each([true, false])('follows named sizes, bias: %s', async (bias) => {
    for (const [batch, tokens] of [
      [1, 3],
      [2, 5],
    ] as const)
      await checkOperator({
        inputs: {
          x: floats([batch, tokens, 3], 1, {}, ['batch', 'tokens', 3]),
          weight: floats([4, 3], 2),
          ...(bias ? { bias: floats([4], 3) } : {}),
        },
        draw: ({ x, weight, bias }) => g.linear(x!, weight!, bias),
        gradient: 'none',
      })
  })

  it('refuses sizes that do not fit', () => {
    const graph = new g.Graph()
    const [x, weight] = [graph.input('x', 'float32', [2, 3]), graph.input('w', 'float32', [4, 5])]
    expect(() => g.linear(x, weight)).toThrow(
      /expected x \[\.\.\., in\], weight \[out, in\], bias \[out\]; got \[2, 3\], \[4, 5\]/,
    )
  })
})
