import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, ranked, seeds } from '../properties.js'
import { exactly, floats, integers } from '../randomArray.js'

describe('reductions', () => {
  const axes = fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 4 })
  it.each([
    ['sum', g.sum],
    ['mean', g.mean],
    ['max', g.max],
  ] as const)('%s over any axes', (_, operator) =>
    fc.assert(
      fc.asyncProperty(ranked, axes, fc.boolean(), seeds, async (shape, chosen, keepDims, seed) =>
        checkOperator({
          inputs: { x: floats(shape, seed) },
          draw: ({ x }) => [
            operator(
              x!,
              chosen.map((axis) => axis % shape.length),
              keepDims,
            ),
            operator(x!, [-1], keepDims),
            operator(x!),
          ],
        }),
      ),
      PROPERTY,
    ),
  )

  it('follow named sizes', async () => {
    for (const tokens of [2, 5])
      await checkOperator({
        inputs: { x: floats([2, tokens, 3], 1, {}, [2, 'tokens', 3]) },
        draw: ({ x }) => [g.sum(x!, [1]), g.mean(x!, [-1], true), g.max(x!, [1, 2])],
        gradient: 'none',
      })
  })

  it('max shares the gradient among ties', () =>
    // The central difference at a tie of two is one half for each.
    checkOperator({ inputs: { x: exactly([2, 3], [1, 5, 5, 4, 2, 4]) }, draw: ({ x }) => g.max(x!, [1]) }))

  it('sum integers', () => checkOperator({ inputs: { n: integers([3, 4], 9, 1) }, draw: ({ n }) => g.sum(n!, [1]) }))

  it('are nothing on a scalar', () => {
    const x = new g.Graph().input('x', 'float32', [])
    expect(g.sum(x)).toBe(x)
  })

  it('refuse an axis that is not there', () => {
    const x = new g.Graph().input('x', 'float32', [2, 3])
    expect(() => g.sum(x, [2])).toThrow(ShapeError)
    expect(() => g.sum(x, [-3])).toThrow(/sum: axis -3 is outside a tensor of rank 2/)
  })
})

describe('sumTo', () => {
  it('undoes broadcasting', () =>
    checkOperator({
      inputs: { x: floats([2, 3, 4], 1) },
      draw: ({ x }) => [g.sumTo(x!, [3, 4]), g.sumTo(x!, [1, 4]), g.sumTo(x!, []), g.sumTo(x!, [2, 1, 4])],
    }))

  it('refuses to add axes', () => {
    const x = new g.Graph().input('x', 'float32', [2])
    expect(() => g.sumTo(x, [2, 2])).toThrow(/cannot sum \[2\] to the larger \[2, 2\]/)
  })
})
