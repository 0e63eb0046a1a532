import { DtypeError, ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { broadcastShapes, elementCount, formatShape, type TensorType } from '../types.js'
import { quantizedLinear, quantizedMatrix } from './quantized.js'
import { sum, sumTo } from './reductions.js'
import { reshape } from './shape.js'

interface MatmulOptions {
  /** Read `a` with its last two axes swapped; nothing is copied. */
  readonly transposeA?: boolean
  /** Read `b` with its last two axes swapped; nothing is copied. */
  readonly transposeB?: boolean
  /** Factor on the product (default 1). */
  readonly alpha?: number
}

// y = alpha A B: dA = alpha dy B^T, dB = alpha A^T dy; each transposed once more where the operand was read transposed
const applyMatmul = defineOperator<Required<MatmulOptions>>({
  name: 'matmul',
  infer: ([a, b], { transposeA, transposeB }) => {
    const [rows, inner] = matrixSizes(a!, transposeA)
    const [innerB, columns] = matrixSizes(b!, transposeB)
    if (a!.dtype !== b!.dtype)
      throw new DtypeError(`matmul: element types ${a!.dtype} and ${b!.dtype} differ; cast one`)
    if (inner !== innerB) throw new ShapeError(`the inner sizes ${inner} and ${innerB} differ`)
    const batch = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2), 'matmul batch')
    return [{ dtype: a!.dtype, shape: [...batch, rows, columns] }]
  },
  gradient: ({ inputs: [a, b], attributes: { transposeA, transposeB, alpha } }, [dy]) => {
    const da = transposeA
      ? matmul(b!, dy!, { transposeA: transposeB, transposeB: true, alpha })
      : matmul(dy!, b!, { transposeB: !transposeB, alpha })
    const db = transposeB
      ? matmul(dy!, a!, { transposeA: true, transposeB: transposeA, alpha })
      : matmul(a!, dy!, { transposeA: !transposeA, alpha })
    return [sumTo(da, a!.shape), sumTo(db, b!.shape)]
  },
  lower: ({ inputs: [a, b], outputs: [y], attributes: { transposeA, transposeB, alpha } }, onnx) => {
    // The gradient of a linear layer reads its weight [out, in] the other way round.
    const quantized = onnx.quantized(b!)
    const inputs = [onnx.name(a!), quantized ? quantizedMatrix(onnx, quantized, onnx.name(a!)) : onnx.name(b!)]
    const outputs = [onnx.name(y!)]
    if (!transposeA && !transposeB && alpha === 1) onnx.node('MatMul', inputs, {}, { outputs })
    else {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } }
      onnx.node('FusedMatMul', inputs, attributes, { outputs, domain: 'com.microsoft' })
    }
  },
})

/** Matrix product over the last two axes; the axes before them broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, alpha = 1 } = options
  return applyMatmul([a, b], { transposeA, transposeB, alpha })[0]!
}

// y = x W^T + b: dx = dy W, dW = dy^T x, db = sum of dy over the rows
const applyLinear = defineOperator<null>({
  name: 'linear',
  infer: ([x, weight, bias]) => {
    const [out, inner] = weight!.shape
    if (
      weight!.shape.length !== 2 ||
      x!.shape.at(-1) !== inner ||
      (bias && (bias.shape.length !== 1 || bias.shape[0] !== out))
    )
      throw new ShapeError(
        `expected x [..., in], weight [out, in], bias [out]; got ${[x, weight, bias].map((t) => (t ? formatShape(t.shape) : 'none')).join(', ')}`,
      )
    return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), out!] }]
  },
  gradient: ({ inputs: [x, weight, bias] }, [dy]) => {
    const [out, inner] = weight!.shape
    const rows = reshape(dy!, [-1, out!])
    const dx = reshape(matmul(rows, weight!), x!.shape)
    const dWeight = matmul(rows, reshape(x!, [-1, inner!]), { transposeA: true })
    return bias ? [dx, dWeight, sum(rows, [0])] : [dx, dWeight]
  },
  lower: ({ inputs: [x, weight, bias], outputs: [y] }, onnx) => {
    const outputs = [onnx.name(y!)]
    const quantized = onnx.quantized(weight!)
    if (quantized) return quantizedLinear(onnx, onnx.name(x!), quantized, bias && onnx.name(bias), outputs)
    const inputs = [onnx.name(x!), onnx.name(weight!)]
    const isStatic = [...x!.shape, ...weight!.shape].every((size) => typeof size === 'number')
    if (!isStatic || !bias) {
      const product = onnx.node(
        'FusedMatMul',
        inputs,
        { transB: 1 },
        bias ? { domain: 'com.microsoft' } : { domain: 'com.microsoft', outputs },
      )
      if (bias) onnx.node('Add', [product, onnx.name(bias)], {}, { outputs })
      return
    }
    // Gemm adds the bias as it multiplies, but takes matrices only; the reshapes are views.
    const [out, inner] = weight!.shape as [number, number]
    const matrix = x!.shape.length === 2
    const rows = matrix
      ? inputs[0]!
      : onnx.node('Reshape', [inputs[0]!, onnx.constant([elementCount(x!.shape) / inner, inner])])
    const gemm = [rows, inputs[1]!, onnx.name(bias)]
    if (matrix) onnx.node('Gemm', gemm, { transB: 1 }, { outputs })
    else {
      const flat = onnx.node('Gemm', gemm, { transB: 1 })
      onnx.node('Reshape', [flat, onnx.constant([...(x!.shape.slice(0, -1) as number[]), out])], {}, { outputs })
    }
  },
})

/** x W^T + b with PyTorch's weight layout. x: [..., in], weight: [out, in], bias: [out] -> [..., out] */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  applyLinear(bias ? [x, weight, bias] : [x, weight], null)[0]!

function matrixSizes(x: TensorType, transposed: boolean) {
  const [rows, columns] = x.shape.slice(-2)
  if (rows === undefined || columns === undefined)
    throw new ShapeError(`a matrix needs two axes, got ${formatShape(x.shape)}`)
  return transposed ? ([columns, rows] as const) : ([rows, columns] as const)
}
