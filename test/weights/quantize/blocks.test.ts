import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dequantizeMatrix, quantizeAs, quantizeMatrix, relativeError } from '../../../src/weights/quantize/blocks.js'

const wave = (length: number, scale = 1, shift = 0) =>
  Float32Array.from({ length }, (_, i) => scale * Math.sin(i * 12.9898 + 4.1) + shift)

describe.each([4, 8] as const)('%i bits', (bits) => {
  it('is off by half a step at most, a step where a block is cut off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 1, maxLength: 70 }),
        fc.boolean(),
        (numbers, symmetric) => {
          const values = Float32Array.from(numbers)
          const size = { rows: 1, columns: values.length }
          const quantized = quantizeAs(values, size, bits, symmetric)
          const wide = dequantizeMatrix(quantized)
          values.forEach((value, i) => {
            const step = Math.abs(quantized.scales[Math.floor(i / 32)]!)
            expect(Math.abs(value - wide[i]!)).toBeLessThanOrEqual(step * 1.001 + 1e-30)
          })
        },
      ),
    )
  })

  it('has the error of its number of steps', () => {
    const size = { rows: 16, columns: 96 }
    for (const symmetric of [true, false]) {
      const error = relativeError(wave(16 * 96), quantizeAs(wave(16 * 96), size, bits, symmetric))
      expect(error).toBeGreaterThan(0.2 / 2 ** bits)
      expect(error).toBeLessThan(1.2 / 2 ** bits)
    }
  })

  it('takes the asymmetric form for weights on one side only, and keeps constant rows and zeros', () => {
    const size = { rows: 4, columns: 64 }
    expect(quantizeMatrix(wave(256, 1, 3), size, bits).matrix.zeroPoints).toBeDefined()
    const zeros = quantizeMatrix(new Float32Array(256), size, bits)
    expect(zeros.error).toBe(0)
    expect(zeros.matrix.zeroPoints).toBeUndefined()
    expect(dequantizeMatrix(zeros.matrix)).toEqual(new Float32Array(256))
    const ones = new Float32Array(256).fill(-0.25)
    expect(dequantizeMatrix(quantizeMatrix(ones, size, bits).matrix)).toEqual(ones)
  })

  it('samples rows of large matrices for its error', () => {
    const size = { rows: 1000, columns: 32 }
    const values = wave(32_000)
    const { matrix, error } = quantizeMatrix(values, size, bits)
    expect(error / relativeError(values, matrix)).toBeGreaterThan(0.9)
    expect(error / relativeError(values, matrix)).toBeLessThan(1.1)
  })
})
