import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { narrowHalf, widenHalf } from '../../../src/weights/safetensors/half.js'

const ALL = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits)

function widen(dtype: 'F16' | 'BF16', bits: Uint16Array): Float32Array {
  const into = new Float32Array(bits.length)
  widenHalf(dtype, bits, into)
  return into
}

function narrow(dtype: 'F16' | 'BF16', values: Float32Array): Uint16Array {
  const into = new Uint16Array(values.length)
  narrowHalf(dtype, values, into)
  return into
}

/** A float16 by its definition (IEEE 754 binary16). */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

describe('widenHalf', () => {
  it('gives the value of every float16', () => {
    const values = widen('F16', ALL)
    expect(ALL.every((bits) => Object.is(values[bits], float16(bits)))).toBe(true)
  })

  it('gives the value of every bfloat16', () => {
    const values = widen('BF16', ALL)
    const view = new DataView(new ArrayBuffer(4))
    const expected = (bits: number) => {
      view.setUint16(0, bits)
      return view.getFloat32(0)
    }
    expect(ALL.every((bits) => Object.is(values[bits], expected(bits)))).toBe(true)
  })
})

describe.each(['F16', 'BF16'] as const)('narrowHalf %s', (dtype) => {
  it('undoes widening for every value, NaN payloads included', () => {
    const back = narrow(dtype, widen(dtype, ALL))
    // The quiet bit is set: a signalling NaN does not survive a conversion on any hardware.
    const quiet = dtype === 'F16' ? 0x200 : 0x40
    const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80
    const wrong = ALL.filter((bits) => back[bits] !== ((bits & 0x7fff) > infinity ? bits | quiet : bits))
    expect([...wrong]).toEqual([])
  })

  it('rounds to the nearest, ties to even, by comparison with both neighbours', () => {
    // All finite values in ascending order; the one past the largest stands for infinity.
    const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80
    const positive = Array.from(widen(dtype, ALL.subarray(0, infinity)))
    positive.push(2 * positive.at(-1)! - positive.at(-2)!)
    fc.assert(
      fc.property(
        fc.nat(infinity - 1),
        fc.float({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (low, part, negative) => {
          const [a, b] = [positive[low]!, positive[low + 1]!]
          const value = Math.fround(a + part * (b - a))
          if (!Number.isFinite(value)) return
          const nearer =
            value - a === b - value ? (low % 2 === 0 ? low : low + 1) : value - a < b - value ? low : low + 1
          const [bits] = narrow(dtype, Float32Array.of(negative ? -value : value))
          expect(bits).toBe(negative ? nearer | 0x8000 : nearer)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('rounds exact ties to even', () => {
    const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80
    const values = widen(dtype, ALL.subarray(0, infinity))
    const ties = Float32Array.from({ length: infinity - 1 }, (_, i) => (values[i]! + values[i + 1]!) / 2)
    const rounded = narrow(dtype, ties)
    // bfloat16's smallest steps lie among float32's own subnormals, where the tie is still exact.
    expect([...rounded]).toEqual(Array.from({ length: infinity - 1 }, (_, i) => i + (i % 2)))
  })

  it('overflows to infinity', () => {
    const max = dtype === 'F16' ? 65520 : 3.4e38
    expect([...narrow(dtype, Float32Array.of(max, -max, Number.POSITIVE_INFINITY))]).toEqual(
      dtype === 'F16' ? [0x7c00, 0xfc00, 0x7c00] : [0x7f80, 0xff80, 0x7f80],
    )
  })
})
