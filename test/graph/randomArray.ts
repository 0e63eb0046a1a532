import { type NdArray, tabulate } from '../reference/ndarray.js'
import type { CheckedInput } from './checkOperator.js'

interface Range {
  readonly from?: number
  readonly to?: number
}

/** Uniform float32 values, by default in [-2, 2] but not near 0, where some functions have a corner. */
export function randomArray(shape: readonly number[], seed: number, { from = -2, to = 2 }: Range = {}): NdArray {
  const next = uniform(seed)
  return tabulate(shape, () => {
    const value = Math.fround(from + (to - from) * next())
    return Math.abs(value) < 0.01 ? Math.fround(value + 0.05) : value
  })
}

/** A float32 input; `declared` names sizes. */
export const floats = (
  shape: readonly number[],
  seed: number,
  range: Range = {},
  declared: CheckedInput['declared'] = shape,
): CheckedInput => ({ dtype: 'float32', declared, value: randomArray(shape, seed, range) })

/** An int64 input of values in [0, below). */
export function integers(
  shape: readonly number[],
  below: number,
  seed: number,
  declared: CheckedInput['declared'] = shape,
): CheckedInput {
  const next = uniform(seed)
  return { dtype: 'int64', declared, value: tabulate(shape, () => Math.floor(next() * below)) }
}

/** A bool or uint8 input of zeros and ones. */
export function bits(shape: readonly number[], seed: number, dtype: 'bool' | 'uint8' = 'bool'): CheckedInput {
  const next = uniform(seed)
  return { dtype, declared: shape, value: tabulate(shape, () => Number(next() < 0.5)) }
}

/** A float32 input of exactly these values. */
export const exactly = (
  shape: readonly number[],
  values: readonly number[],
  dtype: CheckedInput['dtype'] = 'float32',
): CheckedInput => ({ dtype, declared: shape, value: { shape, data: Float64Array.from(values) } })

/** mulberry32. */
function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
