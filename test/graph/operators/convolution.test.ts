import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../../src/errors.js'
import * as g from '../../../src/graph/index.js'
import { checkOperator } from '../checkOperator.js'
import { PROPERTY, seeds } from '../properties.js'
import { floats } from '../randomArray.js'

describe('convolution', () => {
  const geometry = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 2 }),
    out: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 3, max: 6 }),
    width: fc.integer({ min: 3, max: 6 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 1 }),
  })

  it('with strides and padding, also those that leave a rest', () =>
    fc.assert(
      fc.asyncProperty(geometry, seeds, async ({ batch, channels, out, height, width, kernel, ...options }, seed) =>
        checkOperator({
          inputs: {
            x: floats([batch, channels, height, width], seed),
            w: floats([out, channels, kernel, kernel], seed + 1),
          },
          draw: ({ x, w }) => g.convolution(x!, w!, options),
        }),
      ),
      { ...PROPERTY, numRuns: 20 },
    ))

  it('takes a kernel that is not square', () =>
    checkOperator({
      inputs: { x: floats([2, 2, 4, 5], 1), w: floats([3, 2, 2, 3], 2) },
      draw: ({ x, w }) => g.convolution(x!, w!),
    }))

  it('refuses other channels, a kernel larger than the picture, and what is not four axes', () => {
    const graph = new g.Graph()
    const input = (name: string, shape: number[]) => graph.input(name, 'float32', shape)
    const x = input('x', [1, 2, 4, 4])
    expect(() => g.convolution(x, input('a', [1, 3, 2, 2]))).toThrow(/the picture has 2 channels, the weight 3/)
    expect(() => g.convolution(x, input('b', [1, 2, 5, 5]))).toThrow(/larger than the padded picture/)
    expect(() => g.convolution(x, input('c', [2, 2]))).toThrow(ShapeError)
  })
})

describe('patchConvolution', () => {
  const inputs = { x: floats([2, 3, 4, 6], 1), weight: floats([5, 3, 2, 2], 2), bias: floats([5], 3) }

  it('is the convolution whose stride is the patch, row by row', () =>
    checkOperator({
      inputs,
      draw: ({ x, weight }) => {
        const patches = g.patchConvolution(x!, weight!)
        const same = g.convolution(x!, weight!, { stride: 2 })
        const rows = g.transpose(g.reshape(same, [2, 5, 6]), [0, 2, 1])
        return [patches, g.sub(patches, rows)]
      },
    }))

  it('takes a bias', () =>
    checkOperator({ inputs, draw: ({ x, weight, bias }) => g.patchConvolution(x!, weight!, bias) }))

  it('follows a named batch', async () => {
    for (const batch of [1, 3])
      await checkOperator({
        inputs: { x: floats([batch, 3, 4, 4], 1, {}, ['batch', 3, 4, 4]), weight: inputs.weight },
        draw: ({ x, weight }) => g.patchConvolution(x!, weight!),
        gradient: 'none',
      })
  })

  it('refuses a picture that the patches do not tile', () => {
    const graph = new g.Graph()
    const [x, weight] = [graph.input('x', 'float32', [1, 3, 5, 4]), graph.input('w', 'float32', [5, 3, 2, 2])]
    expect(() => g.patchConvolution(x, weight)).toThrow(/do not tile a picture/)
  })
})
