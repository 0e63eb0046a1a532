import { DtypeError } from '../../errors.js'
import { dataType, type OnnxEmitter, type QuantizedWeight } from '../onnx.js'

/** The runtime multiplies in int8: inputs are quantised by block as well, which is several times faster than in float32. */
const INT8_ACCURACY = 4

/** x W^T + b where W stays as it is stored. Writes to `outputs`. */
export function quantizedLinear(
  onnx: OnnxEmitter,
  x: string,
  weight: QuantizedWeight,
  bias: string | undefined,
  outputs: readonly string[],
): void {
  const { values, scales, zeroPoints, bits, blockSize } = weight
  const inputs = [x, values, scales, ...(zeroPoints ? [zeroPoints] : [])]
  const attributes = { K: weight.in, N: weight.out, bits, block_size: blockSize, accuracy_level: INT8_ACCURACY }
  const domain = 'com.microsoft'
  if (bias === undefined) onnx.node('MatMulNBits', inputs, attributes, { domain, outputs })
  else onnx.node('Add', [onnx.node('MatMulNBits', inputs, attributes, { domain }), bias], {}, { outputs })
}

/**
 * The whole matrix as float32 [out, in], for a product that sums over its rows, which the runtime has no kernel for. It is
 * widened when `after` is known, a float matrix; as a constant it would be widened with all others when the graph is
 * opened, and kept.
 */
export function quantizedMatrix(onnx: OnnxEmitter, weight: QuantizedWeight, after: string): string {
  const first = onnx.node('Slice', [after, onnx.constant([0, 0]), onnx.constant([1, 1]), onnx.constant([0, 1])])
  const value = onnx.node('Reshape', [first, onnx.constant([1])])
  // Never true, which the runtime does not know.
  const isLess = onnx.node('Less', [value, onnx.constant(Float32Array.of(Number.NEGATIVE_INFINITY), [])])
  const zero = onnx.node('Cast', [isLess], { to: dataType('int64') })
  const rows = onnx.constant(Array.from({ length: weight.out }, (_, row) => row))
  return quantizedRows(onnx, weight, onnx.node('Add', [rows, zero]), 1)
}

/**
 * Rows of a table, of which only those asked for are widened: (stored - zero point) * scale. Writes to `outputs`.
 * -> the first of them
 */
export function quantizedRows(
  onnx: OnnxEmitter,
  table: QuantizedWeight,
  ids: string,
  idsRank: number,
  outputs?: readonly string[],
): string {
  const { bits, blockSize, scales, zeroPoints } = table
  if (bits !== 8)
    throw new DtypeError(
      `rows of a matrix of ${bits} bits cannot be read, as looking them up and gradients need; quantise it to 8 bits`,
    )
  const into = outputs ? { outputs } : {}
  const padded = Math.ceil(table.in / blockSize) * blockSize
  const lookUp = (name: string) => onnx.node('Gather', [name, ids], { axis: 0 })
  const float = (name: string) => onnx.node('Cast', [name], { to: dataType('float32') })
  // One number for each block beside the block's values.
  const byBlock = (name: string) => onnx.node('Unsqueeze', [name, onnx.constant([-1])])
  const zero = zeroPoints ? byBlock(float(lookUp(zeroPoints))) : onnx.constant(Float32Array.of(2 ** (bits - 1)), [])
  const centred = onnx.node('Sub', [float(lookUp(table.values)), zero])
  const blocks = onnx.node('Mul', [centred, byBlock(lookUp(scales))])
  // 0 keeps the size, which may be known only when the graph runs.
  const shape = onnx.constant([...new Array<number>(idsRank).fill(0), padded])
  if (padded === table.in) return onnx.node('Reshape', [blocks, shape], {}, into)
  const rows = onnx.node('Reshape', [blocks, shape])
  return onnx.node('Slice', [rows, onnx.constant([0]), onnx.constant([table.in]), onnx.constant([-1])], {}, into)
}
