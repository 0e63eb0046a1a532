import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DtypeError, ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, seeds, sizes } from '../properties.js'
import { exactly, floats, integers } from '../randomArray.js'

describe('crossEntropy', () => {
  it.each([0, 0.1])('of rows and of the batch, label smoothing %f', (labelSmoothing) =>
    fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 2, max: 6 }), seeds, async (rows, classes, seed) =>
        checkOperator({
          inputs: { logits: floats([rows, classes], seed), labels: integers([rows], classes, seed) },
          draw: ({ logits, labels }) => [
            g.crossEntropyRows(logits!, labels!, { labelSmoothing }),
            g.crossEntropy(logits!, labels!, { labelSmoothing }),
          ],
        }),
      ),
      PROPERTY,
    ),
  )

  it.each([0, 0.1])('skips ignored labels, label smoothing %f', (labelSmoothing) =>
    checkOperator({
      inputs: { logits: floats([5, 4], 1), labels: exactly([5], [2, -100, 0, -100, 3], 'int64') },
      draw: ({ logits, labels }) => [
        g.crossEntropyRows(logits!, labels!, { labelSmoothing }),
        g.crossEntropy(logits!, labels!, { labelSmoothing }),
      ],
    }),
  )

  it('is 0 with a zero gradient when every label is ignored', () =>
    checkOperator({
      inputs: { logits: floats([3, 4], 1), labels: exactly([3], [-100, -100, -100], 'int64') },
      draw: ({ logits, labels }) => g.crossEntropy(logits!, labels!, { labelSmoothing: 0.1 }),
    }))

  it('ignores another label when told so', () =>
    checkOperator({
      inputs: { logits: floats([3, 4], 1), labels: exactly([3], [0, 2, 0], 'int64') },
      draw: ({ logits, labels }) => g.crossEntropy(logits!, labels!, { ignoreIndex: 0 }),
    }))

  it('averages over the labels that count, as a mean of their rows', () =>
    checkOperator({
      inputs: { logits: floats([4, 3], 1), labels: exactly([4], [0, 1, 2, -100], 'int64') },
      draw: ({ logits, labels }) => {
        const average = g.div(g.sum(g.crossEntropyRows(logits!, labels!)), 3)
        return g.lessOrEqual(g.maximum(g.sub(average, g.crossEntropy(logits!, labels!)), 0), 1e-6)
      },
    }))

  it('stands logits that are far apart', () =>
    checkOperator({
      inputs: { logits: exactly([2, 3], [500, 0, -500, 0, 300, 0]), labels: exactly([2], [2, 1], 'int64') },
      draw: ({ logits, labels }) => g.crossEntropyRows(logits!, labels!),
    }))

  it('refuses labels of another type or number', () => {
    const graph = new g.Graph()
    const logits = graph.input('logits', 'float32', [2, 3])
    expect(() => g.crossEntropyRows(logits, graph.input('l', 'int32', [2]))).toThrow(DtypeError)
    expect(() => g.crossEntropyRows(logits, graph.input('m', 'int64', [3]))).toThrow(ShapeError)
  })
})
