import { ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { type Dimension, isFloat, normalizeAxis, type Shape, sameShape, staticShape } from '../types.js'
import { div, mul } from './elementwise.js'
import { equal } from './logic.js'
import { expand, reshape } from './shape.js'
import { cast } from './types.js'

interface Reduction {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

type ReductionGradient = (dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]) => Tensor

function reduction(name: string, onnxType: string, gradient: ReductionGradient) {
  const apply = defineOperator<Reduction>({
    name,
    infer: ([x], { axes, keepDims }) => [{ dtype: x!.dtype, shape: reducedShape(x!.shape, axes, keepDims) }],
    gradient: ({ inputs: [x], outputs: [y], attributes: { axes } }, [dy]) => {
      if (!isFloat(x!.dtype)) return []
      // Both with the reduced axes kept as 1, so that they broadcast against x.
      const kept = reducedShape(x!.shape, axes, true)
      return [gradient(reshape(dy!, kept), x!, reshape(y!, kept), axes)]
    },
    lower: ({ inputs: [x], outputs: [y], attributes: { axes, keepDims } }, onnx) => {
      const inputs = [onnx.name(x!), onnx.constant(axes)]
      onnx.node(onnxType, inputs, { keepdims: keepDims ? 1 : 0 }, { outputs: [onnx.name(y!)] })
    },
  })
  return (x: Tensor, axes?: readonly number[], keepDims = false): Tensor => {
    const chosen = axes ?? x.shape.map((_, axis) => axis)
    const normal = [...new Set(chosen.map((axis) => normalizeAxis(axis, x.rank, name)))].sort((a, b) => a - b)
    return normal.length === 0 ? x : apply([x], { axes: normal, keepDims })[0]!
  }
}

// d sum(x) = sum(dx)
/** Sum over `axes` (default: all). */
export const sum = reduction('sum', 'ReduceSum', (dy, x) => expand(dy, x.shape))
// d mean(x) = mean(dx)
/** Mean over `axes` (default: all). Its gradient needs the reduced sizes to be known. */
export const mean = reduction('mean', 'ReduceMean', (dy, x, _y, axes) => {
  const sizes = staticShape(
    axes.map((axis) => x.shape[axis]!),
    'the gradient of a mean',
  )
  return expand(
    div(
      dy,
      sizes.reduce((product, size) => product * size, 1),
    ),
    x.shape,
  )
})
// d max(x): the largest element gets it; ties share it
/** Largest value over `axes` (default: all). */
export const max = reduction('max', 'ReduceMax', (dy, x, y, axes) => {
  const winners = cast(equal(x, y), 'float32')
  return mul(div(dy, sum(winners, axes, true)), winners)
})

/** Undoes broadcasting: sums `x` over the axes along which `shape` was repeated. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const added = x.rank - shape.length
  if (added < 0) throw new ShapeError(`cannot sum [${x.shape.join(', ')}] to the larger [${shape.join(', ')}]`)
  const repeated = x.shape.flatMap((size, axis) => {
    const target = axis < added ? undefined : shape[axis - added]
    return target === size ? [] : [axis]
  })
  return reshape(sum(x, repeated, true), shape)
}

function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Dimension[] {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]))
}
