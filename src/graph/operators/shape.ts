import { ShapeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { reshapeOperand } from '../onnx.js'
import {
  broadcastShapes,
  type Dimension,
  formatShape,
  isFloat,
  normalizeAxis,
  productDimension,
  type Shape,
  sameShape,
  sizeProduct,
  staticShape,
  sumDimension,
} from '../types.js'
import { sumTo } from './reductions.js'

// d reshape(x) = reshape(dx)
const applyReshape = defineOperator<{ shape: Shape }>({
  name: 'reshape',
  infer: ([x], { shape }) => {
    if (shape.some((size) => typeof size === 'number' && !Number.isInteger(size)))
      throw new ShapeError(`cannot reshape ${formatShape(x!.shape)} to ${formatShape(shape)}: a size is no integer`)
    const [from, to] = [productDimension(sizeProduct(x!.shape)), productDimension(sizeProduct(shape))]
    if (from !== to)
      throw new ShapeError(`cannot reshape ${formatShape(x!.shape)} (${from}) to ${formatShape(shape)} (${to})`)
    return [{ dtype: x!.dtype, shape }]
  },
  gradient: ({ inputs: [x] }, [dy]) => [reshape(dy!, x!.shape)],
  lower: ({ inputs: [x], outputs: [y], attributes: { shape } }, onnx) => {
    const operand = onnx.constant(reshapeOperand(x!.shape, shape))
    onnx.node('Reshape', [onnx.name(x!), operand], {}, { outputs: [onnx.name(y!)] })
  },
})

/** The same values in another shape; one size may be -1 and is then inferred. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = inferSize(x.shape, shape)
  return sameShape(x.shape, target) ? x : applyReshape([x], { shape: target })[0]!
}

// d transpose(x) = transpose by the inverse permutation
const applyTranspose = defineOperator<{ permutation: readonly number[] }>({
  name: 'transpose',
  infer: ([x], { permutation }) => {
    if ([...permutation].sort((a, b) => a - b).join() !== x!.shape.map((_, axis) => axis).join())
      throw new ShapeError(`[${permutation.join(', ')}] is not a permutation of the axes of ${formatShape(x!.shape)}`)
    return [{ dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]!) }]
  },
  gradient: ({ attributes: { permutation } }, [dy]) => [
    transpose(
      dy!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  lower: ({ inputs: [x], outputs: [y], attributes: { permutation } }, onnx) => {
    onnx.node('Transpose', [onnx.name(x!)], { perm: permutation }, { outputs: [onnx.name(y!)] })
  },
})

/** Axis i of the result is axis permutation[i] of `x`. */
export const transpose = (x: Tensor, permutation: readonly number[]): Tensor => applyTranspose([x], { permutation })[0]!

// d expand(x) = dx repeated, so the gradient is summed back
const applyExpand = defineOperator<{ shape: Shape }>({
  name: 'expand',
  infer: ([x], { shape }) => {
    if (!sameShape(broadcastShapes(x!.shape, shape, 'expand'), shape))
      throw new ShapeError(`cannot expand ${formatShape(x!.shape)} to ${formatShape(shape)}`)
    return [{ dtype: x!.dtype, shape }]
  },
  gradient: ({ inputs: [x] }, [dy]) => [sumTo(dy!, x!.shape)],
  lower: ({ inputs: [x], outputs: [y], attributes: { shape } }, onnx) => {
    const operand = onnx.constant(staticShape(shape, 'expand'))
    onnx.node('Expand', [onnx.name(x!), operand], {}, { outputs: [onnx.name(y!)] })
  },
})

/** Repeats `x` along its axes of size 1 (and new leading ones) to `shape`, whose sizes are known. */
export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : applyExpand([x], { shape })[0]!

/**
 * Repeats `x` along the leading axis as often as `like` has entries there; works for named sizes too.
 * x: [1, ...] -> [like.shape[0], ...]
 */
export const expandBatch = (x: Tensor, like: Tensor): Tensor => applyExpandBatch([x, like], null)[0]!

// d expandBatch(x) = dx repeated, so the gradient is summed over the batch
const applyExpandBatch = defineOperator<null>({
  name: 'expandBatch',
  infer: ([x, like]) => {
    if (x!.shape[0] !== 1 || like!.shape.length === 0)
      throw new ShapeError(
        `expandBatch needs [1, ...] and a batch, got ${formatShape(x!.shape)} and ${formatShape(like!.shape)}`,
      )
    return [{ dtype: x!.dtype, shape: [like!.shape[0]!, ...x!.shape.slice(1)] }]
  },
  gradient: ({ inputs: [x] }, [dy]) => [sumTo(dy!, x!.shape), undefined],
  lower: ({ inputs: [x, like], outputs: [y] }, onnx) => {
    const batch = onnx.node('Shape', [onnx.name(like!)], { start: 0, end: 1 })
    const rest = onnx.constant(x!.shape.slice(1).map(() => 1))
    const target = onnx.node('Concat', [batch, rest], { axis: 0 })
    onnx.node('Expand', [onnx.name(x!), target], {}, { outputs: [onnx.name(y!)] })
  },
})

// d concat(a, b) = the slices of the gradient
const applyConcat = defineOperator<{ axis: number }>({
  name: 'concat',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    for (const input of inputs)
      if (
        input.dtype !== first.dtype ||
        input.shape.length !== first.shape.length ||
        !input.shape.every((size, i) => i === axis || size === first.shape[i])
      )
        throw new ShapeError(
          `cannot concatenate ${inputs.map((x) => x.dtype + formatShape(x.shape)).join(', ')} on axis ${axis}`,
        )
    const shape = first.shape.map((size, i) => (i === axis ? sumDimension(inputs.map((x) => x.shape[axis]!)) : size))
    return [{ dtype: first.dtype, shape }]
  },
  gradient: ({ inputs, attributes: { axis } }, [dy]) => {
    if (!isFloat(dy!.dtype)) return []
    let start = 0
    return inputs.map((input) => {
      const size = staticShape([input.shape[axis]!], 'the gradient of a concatenation')[0]!
      start += size
      return slice(dy!, axis, start - size, start)
    })
  },
  lower: ({ inputs, outputs: [y], attributes: { axis } }, onnx) => {
    onnx.node(
      'Concat',
      inputs.map((input) => onnx.name(input)),
      { axis },
      { outputs: [onnx.name(y!)] },
    )
  },
})

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0]
  if (!first) throw new ShapeError('concat needs at least one tensor')
  return tensors.length === 1 ? first : applyConcat(tensors, { axis: normalizeAxis(axis, first.rank, 'concat') })[0]!
}

interface Slice {
  readonly axis: number
  readonly start: number
  readonly end: number
  readonly step: number
}

// d slice(x): the gradient at the slice's place, zero elsewhere
const applySlice = defineOperator<Slice>({
  name: 'slice',
  infer: ([x], { axis, start, end, step }) => {
    const size = x!.shape[axis]!
    // A named size cannot be checked here; the runtime checks it.
    if (start < 0 || step < 1 || end <= start || (typeof size === 'number' && end > size))
      throw new ShapeError(`slice ${start}:${end}:${step} is empty or outside axis ${axis} of ${formatShape(x!.shape)}`)
    return [{ dtype: x!.dtype, shape: x!.shape.map((old, i) => (i === axis ? Math.ceil((end - start) / step) : old)) }]
  },
  gradient: ({ inputs: [x], attributes }, [dy]) => [unslice(dy!, x!.shape, attributes)],
  lower: ({ inputs: [x], outputs: [y], attributes: { axis, start, end, step } }, onnx) => {
    const operands = [[start], [end], [axis], [step]].map((values) => onnx.constant(values))
    onnx.node('Slice', [onnx.name(x!), ...operands], {}, { outputs: [onnx.name(y!)] })
  },
})

/** Entries start..end-1 of an axis, every `step`-th one. */
export function slice(x: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  const normal = normalizeAxis(axis, x.rank, 'slice')
  if (start === 0 && step === 1 && x.shape[normal] === end) return x
  return applySlice([x], { axis: normal, start, end, step })[0]!
}

// The adjoint of slice; its own adjoint is the slice again.
const applyUnslice = defineOperator<Slice & { shape: Shape }>({
  name: 'unslice',
  infer: ([dy], { shape }) => [{ dtype: dy!.dtype, shape }],
  gradient: ({ attributes: { axis, start, end, step } }, [ddy]) => [slice(ddy!, axis, start, end, step)],
  lower: ({ inputs: [dy], outputs: [dx], attributes: { axis, start, step, shape } }, onnx) => {
    const total = staticShape(shape, 'the gradient of a slice')
    const count = staticShape(dy!.shape, 'the gradient of a slice')[axis]!
    let source = onnx.name(dy!)
    let span = count
    if (step > 1) {
      // Spread the entries: [.., n, ..] -> [.., n, step, ..] with zeros behind each -> [.., n * step, ..]
      const before = total.slice(0, axis)
      const after = total.slice(axis + 1)
      const apart = onnx.node('Reshape', [source, onnx.constant([...before, count, 1, ...after])])
      const pads = [
        ...before.map(() => 0),
        0,
        0,
        ...after.map(() => 0),
        ...before.map(() => 0),
        0,
        step - 1,
        ...after.map(() => 0),
      ]
      const spread = onnx.node('Pad', [apart, onnx.constant(pads)])
      source = onnx.node('Reshape', [spread, onnx.constant([...before, count * step, ...after])])
      span = count * step
    }
    const pad = (amount: (axis: number) => number) => total.map((_, i) => (i === axis ? amount(i) : 0))
    // A negative pad cuts the zeros that reach past the end.
    const pads = [...pad(() => start), ...pad((i) => total[i]! - start - span)]
    onnx.node('Pad', [source, onnx.constant(pads)], {}, { outputs: [onnx.name(dx!)] })
  },
})
const unslice = (dy: Tensor, shape: Shape, where: Slice): Tensor => applyUnslice([dy], { ...where, shape })[0]!

// d split(x) = the gradients of the parts joined, zero for a part that is not used
const applySplit = defineOperator<{ axis: number; sizes: readonly number[] }>({
  name: 'split',
  infer: ([x], { axis, sizes }) => {
    if (x!.shape[axis] !== sizes.reduce((total, size) => total + size, 0))
      throw new ShapeError(`cannot split axis ${axis} of ${formatShape(x!.shape)} into ${sizes.join(' + ')}`)
    return sizes.map((size) => ({ dtype: x!.dtype, shape: x!.shape.map((old, i) => (i === axis ? size : old)) }))
  },
  gradient: ({ inputs: [x], outputs, attributes: { axis } }, parts) => [
    concat(
      outputs.map((output, i) => parts[i] ?? expand(x!.graph.scalar(0), output.shape)),
      axis,
    ),
  ],
  lower: ({ inputs: [x], outputs, attributes: { axis, sizes } }, onnx) => {
    const names = outputs.map((output) => onnx.name(output))
    onnx.node('Split', [onnx.name(x!), onnx.constant(sizes)], { axis }, { outputs: names })
  },
})

/** Cuts an axis into consecutive parts of the given sizes. */
export const split = (x: Tensor, axis: number, sizes: readonly number[]): readonly Tensor[] =>
  applySplit([x], { axis: normalizeAxis(axis, x.rank, 'split'), sizes })

function inferSize(from: Shape, to: Shape): Dimension[] {
  const hole = to.indexOf(-1)
  if (hole < 0) return [...to]
  const total = sizeProduct(from)
  const known = sizeProduct(to.filter((_, i) => i !== hole))
  const names = [...total.names]
  for (const name of known.names) {
    const at = names.indexOf(name)
    if (at < 0) throw new ShapeError(`cannot infer -1 in ${formatShape(to)} from ${formatShape(from)}`)
    names.splice(at, 1)
  }
  const factor = total.factor / known.factor
  if (!Number.isInteger(factor)) throw new ShapeError(`cannot reshape ${formatShape(from)} to ${formatShape(to)}`)
  return to.map((size, i) => (i === hole ? productDimension({ factor, names }) : size))
}
