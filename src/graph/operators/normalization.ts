import { ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { formatShape, staticShape } from '../types.js'
import { div, exp, maximum, mul, sqrt, sub } from './elementwise.js'
import { matmul } from './matmul.js'
import { mean, sum } from './reductions.js'
import { reshape } from './shape.js'

/** Softmax-like functions over the last axis. */
function lastAxis(name: string, onnxType: string, gradient: (dy: Tensor, y: Tensor) => Tensor) {
  const apply = defineOperator<null>({
    name,
    infer: ([x]) => {
      if (x!.shape.length === 0) throw new ShapeError('needs at least one axis')
      return [{ dtype: x!.dtype, shape: x!.shape }]
    },
    gradient: ({ outputs: [y] }, [dy]) => [gradient(dy!, y!)],
    lower: ({ inputs: [x], outputs: [y] }, onnx) => {
      onnx.node(onnxType, [onnx.name(x!)], { axis: -1 }, { outputs: [onnx.name(y!)] })
    },
  })
  return (x: Tensor): Tensor => apply([x], null)[0]!
}

// d softmax: y (dy - sum(dy y))
export const softmax = lastAxis('softmax', 'Softmax', (dy, y) => mul(y, sub(dy, sum(mul(dy, y), [-1], true))))
// d logSoftmax: dy - exp(y) sum(dy)
export const logSoftmax = lastAxis('logSoftmax', 'LogSoftmax', (dy, y) => sub(dy, mul(exp(y), sum(dy, [-1], true))))

// With c = x - mean, r = 1 / std, the normal h = c r, and g = dy w:
// dx = r (g - mean(g) - h mean(g h)), dw = sum(dy h), db = sum(dy)
const applyLayerNorm = defineOperator<{ epsilon: number }>({
  name: 'layerNorm',
  infer: ([x, weight, bias]) => {
    const width = x!.shape.at(-1)
    if (width === undefined || [weight, bias].some((t) => t!.shape.length !== 1 || t!.shape[0] !== width))
      throw new ShapeError(
        `weight ${formatShape(weight!.shape)} and bias ${formatShape(bias!.shape)} must be [${width}]`,
      )
    const statistics = { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] }
    return [{ dtype: x!.dtype, shape: x!.shape }, statistics, statistics]
  },
  gradient: ({ inputs: [x, weight], outputs: [, rowMean, inverseStd] }, [dy]) => {
    const width = staticShape(weight!.shape, 'the gradient of layerNorm')[0]!
    const [dyRows, r] = [reshape(dy!, [-1, width]), reshape(inverseStd!, [-1, 1])]
    const centred = sub(reshape(x!, [-1, width]), reshape(rowMean!, [-1, 1]))
    // r goes into dy first, so that it need not be applied to whole tensors again.
    const scaled = mul(dyRows, r)
    const dyNormal = mul(scaled, centred)
    const g = mul(scaled, weight!)
    const dx = sub(sub(g, mean(g, [-1], true)), mul(centred, rowFactor(dyNormal, weight!, r)))
    return [reshape(dx, x!.shape), sum(dyNormal, [0]), sum(dyRows, [0])]
  },
  lower: ({ inputs, outputs, attributes: { epsilon } }, onnx) => {
    onnx.node(
      'LayerNormalization',
      inputs.map((input) => onnx.name(input)),
      { axis: -1, epsilon: { float: epsilon } },
      { outputs: outputs.map((output) => onnx.name(output)) },
    )
  },
})

/** Layer normalisation over the last axis. x: [..., width], weight and bias: [width] */
export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor =>
  applyLayerNorm([x, weight, bias], { epsilon })[0]!

// With h = x r, r = 1 / sqrt(mean(x^2) + eps), and g = dy w: dx = r (g - h mean(g h)), dw = sum(dy h)
const applyRmsNorm = defineOperator<{ epsilon: number }>({
  name: 'rmsNorm',
  infer: ([x, weight]) => {
    const width = x!.shape.at(-1)
    if (width === undefined || weight!.shape.length !== 1 || weight!.shape[0] !== width)
      throw new ShapeError(`weight ${formatShape(weight!.shape)} must be [${width}]`)
    return [
      { dtype: x!.dtype, shape: x!.shape },
      { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] },
    ]
  },
  gradient: ({ inputs: [x, weight], outputs: [, inverseRms] }, [dy]) => {
    const width = staticShape(weight!.shape, 'the gradient of rmsNorm')[0]!
    const [rows, r] = [reshape(x!, [-1, width]), reshape(inverseRms!, [-1, 1])]
    const scaled = mul(reshape(dy!, [-1, width]), r)
    const dyNormal = mul(scaled, rows)
    const dx = sub(mul(scaled, weight!), mul(rows, rowFactor(dyNormal, weight!, r)))
    return [reshape(dx, x!.shape), sum(dyNormal, [0])]
  },
  lower: ({ inputs: [x, weight], outputs: [y, inverseRms], attributes: { epsilon } }, onnx) => {
    // Spelled out, since the root mean square itself is needed for the gradient.
    const name = onnx.name(x!)
    const squared = onnx.node('Mul', [name, name])
    const meanSquare = onnx.node('ReduceMean', [squared, onnx.constant([-1])], { keepdims: 1 })
    const shifted = onnx.node('Add', [meanSquare, onnx.constant(Float32Array.of(epsilon), [])])
    const rms = onnx.node('Sqrt', [shifted])
    onnx.node('Reciprocal', [rms], {}, { outputs: [onnx.name(inverseRms!)] })
    const normal = onnx.node('Mul', [name, onnx.name(inverseRms!)])
    onnx.node('Mul', [normal, onnx.name(weight!)], {}, { outputs: [onnx.name(y!)] })
  },
})

/** Root-mean-square normalisation over the last axis, without mean or bias (T5). x: [..., width], weight: [width] */
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor =>
  applyRmsNorm([x, weight], { epsilon })[0]!

/** r^2 mean(g h) of each row, from dy h; the mean is a product with w, which reads the memory once. -> [rows, 1] */
function rowFactor(dyNormal: Tensor, weight: Tensor, r: Tensor): Tensor {
  const width = dyNormal.size(-1) as number
  return mul(mul(matmul(dyNormal, reshape(weight, [width, 1])), 1 / width), mul(r, r))
}

/** x / max(|x|, 1e-12) over the last axis, as torch.nn.functional.normalize. */
export const normalize = (x: Tensor): Tensor => div(x, maximum(sqrt(sum(mul(x, x), [-1], true)), 1e-12))
