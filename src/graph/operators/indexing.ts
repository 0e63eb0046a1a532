import { DtypeError, ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { elementCount, formatShape, normalizeAxis, type Shape, staticShape, type TensorType } from '../types.js'
import { quantizedRows } from './quantized.js'

// d gather(x): the rows of the gradient added up at their indices
const applyGather = defineOperator<{ axis: number }>({
  name: 'gather',
  infer: ([x, indices], { axis }) => {
    integerIndices(indices!)
    return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] }]
  },
  gradient: ({ inputs: [x, indices], attributes: { axis } }, [dy]) => [
    scatterAdd(dy!, indices!, x!.shape, axis),
    undefined,
  ],
  lower: ({ inputs: [x, indices], outputs: [y], attributes: { axis } }, onnx) => {
    onnx.node('Gather', [onnx.name(x!), onnx.name(indices!)], { axis }, { outputs: [onnx.name(y!)] })
  },
})

/** Entries of an axis by index. indices: int64, any shape, which replaces the axis. */
export const gather = (x: Tensor, axis: number, indices: Tensor): Tensor =>
  applyGather([x, indices], { axis: normalizeAxis(axis, x.rank, 'gather') })[0]!

export const EMBEDDING = 'embedding'

// d embedding: the rows of the gradient at their ids. `backward` hands them out as rows and never fills a table with
// them when the table is a parameter; the dense form here is for tables that are computed.
const applyEmbedding = defineOperator<null>({
  name: EMBEDDING,
  infer: ([table, ids]) => {
    integerIndices(ids!)
    if (table!.shape.length !== 2)
      throw new ShapeError(`the table must be [entries, width], got ${formatShape(table!.shape)}`)
    return [{ dtype: table!.dtype, shape: [...ids!.shape, table!.shape[1]!] }]
  },
  gradient: ({ inputs: [table, ids] }, [dy]) => [scatterAdd(dy!, ids!, table!.shape, 0), undefined],
  lower: ({ inputs: [table, ids], outputs: [y] }, onnx) => {
    const outputs = [onnx.name(y!)]
    const quantized = onnx.quantized(table!)
    if (quantized) quantizedRows(onnx, quantized, onnx.name(ids!), ids!.shape.length, outputs)
    else onnx.node('Gather', [onnx.name(table!), onnx.name(ids!)], { axis: 0 }, { outputs })
  },
})

/** Rows of a table. table: [entries, width], ids: int64 [...] -> [..., width] */
export const embedding = (table: Tensor, ids: Tensor): Tensor => applyEmbedding([table, ids], null)[0]!

// The adjoint of gather; its own adjoint is gather again.
const applyScatterAdd = defineOperator<{ shape: Shape; axis: number }>({
  name: 'scatterAdd',
  infer: ([dy, indices], { shape }) => {
    integerIndices(indices!)
    return [{ dtype: dy!.dtype, shape }]
  },
  gradient: ({ inputs: [, indices], attributes: { axis } }, [ddy]) => [gather(ddy!, axis, indices!), undefined],
  lower: ({ inputs: [dy, indices], outputs: [dx], attributes: { shape, axis } }, onnx) => {
    const sizes = staticShape(shape, 'scatterAdd')
    const count = elementCount(indices!.shape)
    const rank = indices!.shape.length
    // ScatterND adds along the first axis, so the indexed axis goes there and back.
    const toFront = <T>(items: readonly T[], at: number, length: number) => [
      ...items.slice(at, at + length),
      ...items.slice(0, at),
      ...items.slice(at + length),
    ]
    const dyAxes = dy!.shape.map((_, i) => i)
    const moved =
      axis === 0 ? onnx.name(dy!) : onnx.node('Transpose', [onnx.name(dy!)], { perm: toFront(dyAxes, axis, rank) })
    const front = toFront(sizes, axis, 1)
    const updates = onnx.node('Reshape', [moved, onnx.constant([count, ...front.slice(1)])])
    const rows = onnx.node('Reshape', [onnx.name(indices!), onnx.constant([count, 1])])
    const zeros = onnx.node('ConstantOfShape', [onnx.constant(front)])
    const outputs = [onnx.name(dx!)]
    if (axis === 0) onnx.node('ScatterND', [zeros, rows, updates], { reduction: 'add' }, { outputs })
    else {
      const filled = onnx.node('ScatterND', [zeros, rows, updates], { reduction: 'add' })
      const back = sizes.map((_, i) => (i < axis ? i + 1 : i === axis ? 0 : i))
      onnx.node('Transpose', [filled], { perm: back }, { outputs })
    }
  },
})
const scatterAdd = (dy: Tensor, indices: Tensor, shape: Shape, axis: number): Tensor =>
  applyScatterAdd([dy, indices], { shape, axis })[0]!

/** Running sum along an axis; integers, so no gradient. */
const applyCumulativeSum = defineOperator<{ axis: number }>({
  name: 'cumulativeSum',
  infer: ([x]) => {
    integerIndices(x!)
    return [{ dtype: x!.dtype, shape: x!.shape }]
  },
  gradient: 'none',
  lower: ({ inputs: [x], outputs: [y], attributes: { axis } }, onnx) => {
    const operand = onnx.constant(BigInt64Array.of(BigInt(axis)), [])
    onnx.node('CumSum', [onnx.name(x!), operand], {}, { outputs: [onnx.name(y!)] })
  },
})
export const cumulativeSum = (x: Tensor, axis: number): Tensor =>
  applyCumulativeSum([x], { axis: normalizeAxis(axis, x.rank, 'cumulativeSum') })[0]!

/** Index of the largest entry of the last axis, the first one on ties. x: [..., n] -> int64 [...] */
const applyArgmax = defineOperator<null>({
  name: 'argmax',
  infer: ([x]) => [{ dtype: 'int64', shape: x!.shape.slice(0, -1) }],
  gradient: 'none',
  lower: ({ inputs: [x], outputs: [y] }, onnx) => {
    onnx.node('ArgMax', [onnx.name(x!)], { axis: -1, keepdims: 0 }, { outputs: [onnx.name(y!)] })
  },
})
export const argmax = (x: Tensor): Tensor => applyArgmax([x], null)[0]!

function integerIndices(indices: TensorType) {
  if (indices.dtype !== 'int64') throw new DtypeError(`indices must be int64, got ${indices.dtype}; cast them`)
}
