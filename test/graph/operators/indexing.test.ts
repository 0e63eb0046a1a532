import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtypeError, ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, ranked, seeds, sizes } from '../properties.js'
import { exactly, floats, integers } from '../randomArray.js'

describe('gather', () => {
  it('takes entries of any axis, also repeated ones', () =>
    fc.assert(
      fc.asyncProperty(
        ranked,
        fc.nat({ max: 11 }),
        fc.array(sizes, { maxLength: 2 }),
        seeds,
        async (shape, choice, picked, seed) => {
          const axis = choice % shape.length
          await checkOperator({
            inputs: { x: floats(shape, seed), indices: integers(picked, shape[axis]!, seed) },
            draw: ({ x, indices }) => g.gather(x!, axis - shape.length, indices!),
          })
        },
      ),
      { ...PROPERTY, numRuns: 16 },
    ))

  it('adds up the gradients of an entry taken three times', () =>
    checkOperator({
      inputs: { x: floats([2, 4, 2], 1), indices: exactly([4], [3, 1, 3, 3], 'int64') },
      draw: ({ x, indices }) => g.gather(x!, 1, indices!),
    }))

  it('has a gradient that has a gradient', () =>
    checkOperator({
      inputs: { x: floats([4, 2], 1), indices: exactly([3], [3, 1, 3], 'int64') },
      draw: ({ x, indices }) => {
        const rows = g.gather(x!, 0, indices!)
        return g.backward(g.sum(g.mul(rows, g.mul(rows, rows))), [x!]).get(x!)!.dense!
      },
    }))

  it('refuses indices that are not int64', () => {
    const x = new g.Graph().input('x', 'float32', [2])
    expect(() => g.gather(x, 0, x)).toThrow(DtypeError)
    expect(() => g.gather(x, 0, x)).toThrow(/indices must be int64, got float32/)
  })
})

describe('embedding', () => {
  it('looks up rows; the gradient comes as rows', () =>
    fc.assert(
      fc.asyncProperty(sizes, sizes, fc.array(sizes, { maxLength: 3 }), seeds, async (entries, width, shape, seed) =>
        checkOperator({
          inputs: { table: floats([entries, width], seed), ids: integers(shape, entries, seed) },
          draw: ({ table, ids }) => g.embedding(table!, ids!),
        }),
      ),
      PROPERTY,
    ))

  it('has a dense gradient where the table is computed', () =>
    checkOperator({
      inputs: { table: floats([4, 3], 1), ids: exactly([5], [1, 3, 1, 0, 1], 'int64') },
      draw: ({ table, ids }) => g.embedding(g.tanh(table!), ids!),
    }))

  it('follows a named size', async () => {
    for (const tokens of [1, 4])
      await checkOperator({
        inputs: { table: floats([4, 3], 1), ids: integers([2, tokens], 4, 2, [2, 'tokens']) },
        draw: ({ table, ids }) => g.embedding(table!, ids!),
        gradient: 'none',
      })
  })

  it('refuses a table that is not [entries, width]', () => {
    const graph = new g.Graph()
    const [table, ids] = [graph.input('table', 'float32', [4]), graph.input('ids', 'int64', [2])]
    expect(() => g.embedding(table, ids)).toThrow(ShapeError)
  })
})

describe('cumulativeSum and argmax', () => {
  it('run along an axis', () =>
    checkOperator({
      inputs: { n: integers([2, 3, 4], 5, 1) },
      draw: ({ n }) => [g.cumulativeSum(n!, 1), g.cumulativeSum(n!, -1), g.argmax(g.cast(n!, 'float32'))],
    }))

  it('argmax is the first of equals', () =>
    checkOperator({ inputs: { x: exactly([2, 3], [1, 5, 5, 2, 2, 2]) }, draw: ({ x }) => g.argmax(x!) }))
})
