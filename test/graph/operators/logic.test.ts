import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { broadcastPair, PROPERTY, seeds } from '../properties.js'
import { bits, exactly, floats, integers } from '../randomArray.js'

describe('comparisons', () => {
  it.each([
    ['equal', g.equal],
    ['less', g.less],
    ['greater', g.greater],
    ['lessOrEqual', g.lessOrEqual],
  ] as const)('%s, broadcast, floats and integers', (_, operator) =>
    fc.assert(
      fc.asyncProperty(broadcastPair, seeds, async ([a, b], seed) =>
        checkOperator({
          inputs: { a: floats(a, seed), b: floats(b, seed + 1), m: integers(a, 3, seed), n: integers(b, 3, seed + 2) },
          draw: ({ a, b, m, n }) => [operator(a!, b!), operator(m!, n!), operator(n!, 1)],
        }),
      ),
      PROPERTY,
    ),
  )

  it('refuse two element types', () => {
    const graph = new g.Graph()
    const [x, n] = [graph.input('x', 'float32', [2]), graph.input('n', 'int64', [2])]
    expect(() => g.less(x, n)).toThrow(/less\(float32\[2\], int64\[2\]\)/)
  })
})

describe('logic', () => {
  it.each([
    ['and', g.and],
    ['or', g.or],
  ] as const)('%s, broadcast', (_, operator) =>
    fc.assert(
      fc.asyncProperty(broadcastPair, seeds, async ([a, b], seed) =>
        checkOperator({
          inputs: { a: bits(a, seed), b: bits(b, seed + 1) },
          draw: ({ a, b }) => operator(a!, b!),
        }),
      ),
      PROPERTY,
    ),
  )

  it('not', () => checkOperator({ inputs: { a: bits([2, 5], 1) }, draw: ({ a }) => g.not(a!) }))
})

describe('where', () => {
  it('chooses, the three broadcast', () =>
    fc.assert(
      fc.asyncProperty(
        broadcastPair,
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        seeds,
        async (pair, ones, seed) => {
          const [a, b] = pair
          const condition = a.map((size, axis) => (ones[axis] ? 1 : size))
          await checkOperator({
            inputs: { condition: bits(condition, seed), a: floats(a, seed), b: floats(b, seed + 1) },
            draw: ({ condition, a, b }) => g.where(condition!, a!, b!),
          })
        },
      ),
      PROPERTY,
    ))

  it('takes numbers, of the other side’s element type', () =>
    checkOperator({
      inputs: { condition: bits([4], 1), x: floats([4], 2), n: integers([4], 5, 3) },
      draw: ({ condition, x, n }) => [
        g.where(condition!, x!, -1e4),
        g.where(condition!, -100, n!),
        g.where(condition!, 0, 1),
      ],
    }))

  it('gives no gradient to what was not chosen, not even infinity times zero', async () => {
    const inputs = { condition: exactly([2], [1, 0], 'bool'), x: exactly([2], [1, 2]) }
    await checkOperator({ inputs, draw: ({ condition, x }) => g.where(condition!, g.mul(x!, x!), x!) })
  })

  it('refuses a condition that is not bool', () => {
    const x = new g.Graph().input('x', 'float32', [2])
    expect(() => g.where(x, x, x)).toThrow(/the condition must be bool, got float32/)
  })
})
