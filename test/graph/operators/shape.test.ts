import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, ranked, seeds, shapes, sizes } from '../properties.js'
import { floats, integers } from '../randomArray.js'

const axisOf = (shape: readonly number[], choice: number) => choice % shape.length
const choices = fc.nat({ max: 11 })

describe('reshape', () => {
  it('keeps the values in order', () =>
    fc.assert(
      fc.asyncProperty(ranked, seeds, async (shape, seed) =>
        checkOperator({
          inputs: { x: floats(shape, seed) },
          draw: ({ x }) => [g.reshape(x!, [-1]), g.reshape(x!, shape.toReversed()), g.reshape(x!, [1, ...shape])],
        }),
      ),
      PROPERTY,
    ))

  it('follows named sizes: heads apart, heads together, rows', async () => {
    for (const [batch, tokens] of [
      [1, 3],
      [2, 5],
    ] as const)
      await checkOperator({
        inputs: { x: floats([batch, tokens, 6], 1, {}, ['batch', 'tokens', 6]) },
        draw: ({ x }) => {
          const heads = g.reshape(x!, ['batch', 'tokens', 2, 3])
          return [heads, g.reshape(heads, ['batch', 'tokens', 6]), g.reshape(x!, [-1, 6]), g.reshape(x!, ['batch', -1])]
        },
        gradient: 'none',
      })
  })

  it('refuses another number of elements, and -1 that does not come out even', () => {
    const x = new g.Graph().input('x', 'float32', [2, 6])
    expect(() => g.reshape(x, [5])).toThrow(/cannot reshape \[2, 6\] \(12\) to \[5\] \(5\)/)
    expect(() => g.reshape(x, [5, -1])).toThrow(ShapeError)
    expect(() => g.reshape(x, [2, 4, 1.5])).toThrow(/a size is no integer/)
    expect(() => g.reshape(new g.Graph().input('x', 'float32', ['batch', 6]), ['tokens', -1])).toThrow(ShapeError)
  })

  it('refuses a move of two names at once, which ONNX cannot express', async () => {
    const graph = new g.Graph()
    const x = graph.input('x', 'float32', ['batch', 'tokens', 4])
    const y = g.reshape(x, [4, 'batch', 'tokens'])
    expect(() => g.toOnnx(graph, { y })).toThrow(/two named sizes move/)
  })

  it('is nothing where the shape is the same', () => {
    const x = new g.Graph().input('x', 'float32', [2, 6])
    expect(g.reshape(x, [2, -1])).toBe(x)
  })
})

describe('transpose', () => {
  it('permutes axes', () =>
    fc.assert(
      fc.asyncProperty(
        shapes,
        fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
        seeds,
        async (shape, order, seed) => {
          const permutation = shape.map((_, axis) => axis).sort((a, b) => order[a]! - order[b]!)
          await checkOperator({ inputs: { x: floats(shape, seed) }, draw: ({ x }) => g.transpose(x!, permutation) })
        },
      ),
      PROPERTY,
    ))

  it('refuses what is not a permutation', () => {
    const x = new g.Graph().input('x', 'float32', [2, 3])
    expect(() => g.transpose(x, [0, 0])).toThrow(/\[0, 0\] is not a permutation/)
    expect(() => g.transpose(x, [0])).toThrow(ShapeError)
  })
})

describe('expand', () => {
  it('repeats axes of size 1 and adds leading ones', () =>
    fc.assert(
      fc.asyncProperty(ranked, choices, sizes, seeds, async (shape, choice, size, seed) => {
        const axis = axisOf(shape, choice)
        await checkOperator({
          inputs: { x: floats(shape.toSpliced(axis, 1, 1), seed) },
          draw: ({ x }) => [g.expand(x!, shape), g.expand(x!, [size, ...shape])],
        })
      }),
      PROPERTY,
    ))

  it('repeats over a batch, also over one with a name', async () => {
    await checkOperator({
      inputs: { x: floats([1, 2, 3], 1), like: floats([4, 5], 2) },
      draw: ({ x, like }) => g.expandBatch(x!, like!),
    })
    for (const batch of [1, 4])
      await checkOperator({
        inputs: { x: floats([1, 2, 3], 1), like: floats([batch, 5], 2, {}, ['batch', 5]) },
        draw: ({ x, like }) => g.expandBatch(x!, like!),
        gradient: 'none',
      })
  })

  it('refuses to shrink', () => {
    const x = new g.Graph().input('x', 'float32', [2, 3])
    expect(() => g.expand(x, [1, 3])).toThrow(/cannot expand \[2, 3\] to \[1, 3\]/)
    expect(() => g.expandBatch(x, x)).toThrow(/expandBatch needs \[1, \.\.\.\]/)
  })
})

describe('concat', () => {
  it('joins along any axis', () =>
    fc.assert(
      fc.asyncProperty(
        ranked,
        choices,
        fc.array(sizes, { minLength: 1, maxLength: 3 }),
        seeds,
        async (shape, choice, parts, seed) => {
          const axis = axisOf(shape, choice)
          const inputs = Object.fromEntries(
            parts.map((size, i) => [`x${i}`, floats(shape.toSpliced(axis, 1, size), seed + i)]),
          )
          await checkOperator({ inputs, draw: (tensors) => g.concat(Object.values(tensors), axis - shape.length) })
        },
      ),
      PROPERTY,
    ))

  it('adds named sizes', async () => {
    for (const [past, fresh] of [
      [4, 1],
      [2, 3],
    ] as const)
      await checkOperator({
        inputs: {
          past: floats([2, past, 3], 1, {}, [2, 'past', 3]),
          fresh: floats([2, fresh, 3], 2, {}, [2, 'new', 3]),
        },
        draw: ({ past, fresh }) => {
          const all = g.concat([past!, fresh!], 1)
          expect(all.shape).toEqual([2, 'past+new', 3])
          return [all, g.reshape(all, [-1, 3]), g.concat([all, all], 1)]
        },
        gradient: 'none',
      })
  })

  it('refuses other sizes, and an axis that is not there', () => {
    const graph = new g.Graph()
    const [a, b] = [graph.input('a', 'float32', [2, 3]), graph.input('b', 'float32', [2, 4])]
    expect(() => g.concat([a, b], 0)).toThrow(/cannot concatenate float32\[2, 3\], float32\[2, 4\] on axis 0/)
    expect(() => g.concat([a, b], 2)).toThrow(/axis 2 is outside a tensor of rank 2/)
    expect(() => g.concat([], 0)).toThrow(ShapeError)
  })
})

describe('slice', () => {
  const slices = fc
    .tuple(ranked, choices, fc.nat({ max: 4 }), fc.nat({ max: 8 }), fc.integer({ min: 1, max: 3 }))
    .map(([shape, choice, before, length, step]) => {
      const axis = axisOf(shape, choice)
      const start = before % shape[axis]!
      const end = start + 1 + (length % (shape[axis]! - start))
      return { shape, axis, start, end, step }
    })

  it('takes entries with steps from any axis', () =>
    fc.assert(
      fc.asyncProperty(slices, seeds, async ({ shape, axis, start, end, step }, seed) =>
        checkOperator({ inputs: { x: floats(shape, seed) }, draw: ({ x }) => g.slice(x!, axis, start, end, step) }),
      ),
      { ...PROPERTY, numRuns: 20 },
    ))

  it('takes steps that end before and behind the last entry', () =>
    checkOperator({
      inputs: { x: floats([2, 7], 1) },
      draw: ({ x }) => [g.slice(x!, 1, 1, 7, 3), g.slice(x!, 1, 0, 7, 3), g.slice(x!, -1, 2, 5, 2)],
    }))

  it('has a gradient that has a gradient', () =>
    checkOperator({
      inputs: { x: floats([5], 1) },
      draw: ({ x }) => {
        const part = g.slice(x!, 0, 1, 4)
        return g.backward(g.sum(g.mul(part, g.mul(part, part))), [x!]).get(x!)!.dense!
      },
    }))

  it('takes from an axis beside named ones', async () => {
    for (const batch of [1, 3])
      await checkOperator({
        inputs: { x: floats([batch, 4], 1, {}, ['batch', 4]) },
        draw: ({ x }) => g.slice(x!, 1, 1, 3),
        gradient: 'none',
      })
  })

  it('is nothing where it takes all', () => {
    const x = new g.Graph().input('x', 'float32', [2, 3])
    expect(g.slice(x, 1, 0, 3)).toBe(x)
  })

  it('refuses an empty part and one outside', () => {
    const x = new g.Graph().input('x', 'float32', [2, 3])
    for (const [start, end, step] of [
      [1, 1, 1],
      [2, 1, 1],
      [0, 4, 1],
      [-1, 2, 1],
      [0, 2, 0],
    ] as const)
      expect(() => g.slice(x, 1, start, end, step)).toThrow(ShapeError)
  })
})

describe('split', () => {
  it('cuts any axis', () =>
    fc.assert(
      fc.asyncProperty(
        ranked,
        choices,
        fc.array(sizes, { minLength: 1, maxLength: 3 }),
        seeds,
        async (shape, choice, parts, seed) => {
          const axis = axisOf(shape, choice)
          const total = parts.reduce((a, b) => a + b, 0)
          await checkOperator({
            inputs: { x: floats(shape.toSpliced(axis, 1, total), seed) },
            draw: ({ x }) => g.split(x!, axis, parts),
          })
        },
      ),
      PROPERTY,
    ))

  it('gives zeros to the parts that do not reach the loss', () =>
    checkOperator({ inputs: { x: floats([2, 5], 1) }, draw: ({ x }) => g.split(x!, 1, [2, 1, 2])[1]! }))

  it('refuses sizes that do not add up', () => {
    const x = new g.Graph().input('x', 'float32', [2, 5])
    expect(() => g.split(x, 1, [2, 2])).toThrow(/cannot split axis 1 of \[2, 5\] into 2 \+ 2/)
  })
})

describe('sizes', () => {
  it('are positive integers or names', () => {
    const graph = new g.Graph()
    for (const size of [0, -1, 1.5, Number.NaN])
      expect(() => graph.input('x', 'float32', [2, size])).toThrow(/a size is a positive integer or a name/)
  })

  it('of products and sums are worked out when the names are bound', () => {
    const bound = new Map([
      ['past', 3],
      ['new', 2],
      ['batch', 5],
    ])
    const total = g.sumDimension(['past', 'new', 1])
    expect(total).toBe('past+new+1')
    const product = g.productDimension(g.sizeProduct(['batch', total, 2]))
    expect(g.evaluateDimension(product, bound)).toBe(60)
    expect(g.sizeProduct([product])).toEqual(g.sizeProduct([2, total, 'batch']))
    expect(g.evaluateDimension(g.sumDimension([product, product]), bound)).toBe(120)
    expect(() => g.evaluateDimension('tokens', bound)).toThrow(/the size 'tokens' is not bound/)
  })

  it('of integers are the same as of floats', () =>
    checkOperator({
      inputs: { n: integers([2, 6], 9, 1) },
      draw: ({ n }) => [g.reshape(n!, [3, 4]), g.transpose(n!, [1, 0]), g.slice(n!, 1, 1, 5, 2), g.concat([n!, n!], 0)],
    }))
})
