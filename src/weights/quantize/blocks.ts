import { ConfigError } from '../../errors.js'

/** Weights that share a scale, along a row: what the runtime's kernels are fastest with. */
export const BLOCK_SIZE = 32

export type Bits = 4 | 8

/** A matrix of rows in blocks; a value is (stored - zero point) * scale. */
export interface QuantizedMatrix {
  readonly bits: Bits
  readonly rows: number
  readonly columns: number
  /** [rows, blocks, BLOCK_SIZE * bits / 8]; of two 4-bit values the first is in the low half. */
  readonly values: Uint8Array
  /** [rows, blocks] */
  readonly scales: Float32Array
  /** [rows, blocks * bits / 8 rounded up], packed like the values; 2^(bits - 1) everywhere where it is absent. */
  readonly zeroPoints?: Uint8Array
}

export interface MatrixSize {
  readonly rows: number
  readonly columns: number
}

/** Rows that decide between the two forms: enough to be sure, few beside the thousands of a matrix. */
const SAMPLE_ROWS = 64

/**
 * Quantises a matrix symmetrically or asymmetrically, whichever is closer to it on evenly spread rows.
 * @param values row by row
 * @returns the matrix, and its `relativeError` on those rows
 */
export function quantizeMatrix(
  values: Float32Array,
  size: MatrixSize,
  bits: Bits,
): { readonly matrix: QuantizedMatrix; readonly error: number } {
  const sample = sampleRows(values, size)
  const sampleSize = { rows: sample.length / size.columns, columns: size.columns }
  const [symmetric, asymmetric] = [true, false].map((form) =>
    relativeError(sample, quantizeAs(sample, sampleSize, bits, form)),
  ) as [number, number]
  return {
    matrix: quantizeAs(values, size, bits, symmetric <= asymmetric),
    error: Math.min(symmetric, asymmetric),
  }
}

/**
 * - symmetric: the zero point is the middle, and the block's largest value, of whichever sign, gets the one step that the
 *   negative side has more;
 * - asymmetric: the block's range, zero included, is cut into equal steps.
 */
export function quantizeAs(
  values: Float32Array,
  { rows, columns }: MatrixSize,
  bits: Bits,
  symmetric: boolean,
): QuantizedMatrix {
  if (values.length !== rows * columns)
    throw new ConfigError(`a matrix of ${rows} x ${columns} has ${rows * columns} values, got ${values.length}`)
  const blocks = blocksOf(columns)
  const stored = new Uint8Array(rows * blocks * blobBytes(bits))
  const scales = new Float32Array(rows * blocks)
  const zeroBytes = zeroPointBytes(columns, bits)
  const zeroPoints = symmetric ? undefined : new Uint8Array(rows * zeroBytes)
  const most = 2 ** bits - 1
  const half = 2 ** (bits - 1)
  for (let block = 0; block < rows * blocks; block++) {
    const row = Math.floor(block / blocks)
    const place = block - row * blocks
    const start = row * columns + place * BLOCK_SIZE
    const end = Math.min(start + BLOCK_SIZE, (row + 1) * columns)
    let low = 0
    let high = 0
    for (let i = start; i < end; i++) {
      const value = values[i]!
      if (value < low) low = value
      if (value > high) high = value
    }
    // No block of zeros has a scale of -0.
    const scale = Math.fround(symmetric ? (high > -low ? high : low) / -half : (high - low) / most) || 0
    const inverse = scale === 0 ? 0 : 1 / scale
    const zero = symmetric ? half : Math.min(most, Math.round(-low * inverse))
    scales[block] = scale
    if (zeroPoints) {
      const at = row * zeroBytes
      if (bits === 8) zeroPoints[at + place] = zero
      else zeroPoints[at + (place >> 1)]! |= zero << (4 * (place & 1))
    }
    // Adding a half rounds what is not negative; the clamp does the rest.
    const shift = zero + 0.5
    const to = block * blobBytes(bits)
    for (let i = start; i < end; i++) {
      const wide = values[i]! * inverse + shift
      const quantized = wide < 0 ? 0 : wide > most ? most : wide | 0
      const place = i - start
      if (bits === 8) stored[to + place] = quantized
      else stored[to + (place >> 1)]! |= quantized << (4 * (place & 1))
    }
    // What fills up the last block is multiplied by zeros, but a zero is the clean thing to have there.
    for (let place = end - start; place < BLOCK_SIZE; place++)
      if (bits === 8) stored[to + place] = zero
      else stored[to + (place >> 1)]! |= zero << (4 * (place & 1))
  }
  return { bits, rows, columns, values: stored, scales, ...(zeroPoints ? { zeroPoints } : {}) }
}

/** The matrix as it computes, row by row. */
export function dequantizeMatrix({ bits, rows, columns, values, scales, zeroPoints }: QuantizedMatrix): Float32Array {
  const blocks = blocksOf(columns)
  const zeroBytes = zeroPointBytes(columns, bits)
  const half = 2 ** (bits - 1)
  const wide = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const place = Math.floor(column / BLOCK_SIZE)
      const block = row * blocks + place
      const stored = unpack(values, block * blobBytes(bits), column % BLOCK_SIZE, bits)
      const zero = zeroPoints ? unpack(zeroPoints, row * zeroBytes, place, bits) : half
      wide[row * columns + column] = (stored - zero) * scales[block]!
    }
  return wide
}

/** Root of the mean square of the difference, over that of the matrix. */
export function relativeError(values: Float32Array, quantized: QuantizedMatrix): number {
  const wide = dequantizeMatrix(quantized)
  let size = 0
  let difference = 0
  for (let i = 0; i < wide.length; i++) {
    size += values[i]! ** 2
    difference += (values[i]! - wide[i]!) ** 2
  }
  return size === 0 ? 0 : Math.sqrt(difference / size)
}

export const blocksOf = (columns: number): number => Math.ceil(columns / BLOCK_SIZE)
/** Bytes of a block's values. */
export const blobBytes = (bits: Bits): number => (BLOCK_SIZE * bits) / 8
/** Bytes of a row's zero points. */
export const zeroPointBytes = (columns: number, bits: Bits): number => Math.ceil((blocksOf(columns) * bits) / 8)

const unpack = (bytes: Uint8Array, start: number, place: number, bits: Bits): number =>
  bits === 8 ? bytes[start + place]! : (bytes[start + (place >> 1)]! >> (4 * (place & 1))) & 15

function sampleRows(values: Float32Array, { rows, columns }: MatrixSize): Float32Array {
  if (rows <= SAMPLE_ROWS) return values
  const sample = new Float32Array(SAMPLE_ROWS * columns)
  for (let i = 0; i < SAMPLE_ROWS; i++) {
    const row = Math.floor((i * rows) / SAMPLE_ROWS)
    sample.set(values.subarray(row * columns, (row + 1) * columns), i * columns)
  }
  return sample
}
