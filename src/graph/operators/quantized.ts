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

/** Rows of a table, of which only those asked for are widened: (stored - zero point) * scale. Writes to `outputs`. */
export function quantizedRows(
  onnx: OnnxEmitter,
  table: QuantizedWeight,
  ids: string,
  idsRank: number,
  outputs: readonly string[],
): void {
  const { bits, blockSize, scales, zeroPoints } = table
  if (bits !== 8) throw new DtypeError(`a table of ${bits} bits cannot be looked up; quantise it to 8 bits`)
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
  if (padded === table.in) onnx.node('Reshape', [blocks, shape], {}, { outputs })
  else {
    const rows = onnx.node('Reshape', [blocks, shape])
    onnx.node('Slice', [rows, onnx.constant([0]), onnx.constant([table.in]), onnx.constant([-1])], {}, { outputs })
  }
}
