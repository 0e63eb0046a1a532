import { DtypeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { broadcastShapes, isFloat } from '../types.js'
import { mul, type Operand, scalarLike } from './elementwise.js'
import { sumTo } from './reductions.js'
import { cast } from './types.js'

/** Comparisons and logic: boolean results, no gradient. */
function predicate(name: string, onnxType: string) {
  const apply = defineOperator<null>({
    name,
    infer: ([a, b]) => {
      if (a!.dtype !== b!.dtype)
        throw new DtypeError(`${name}: element types ${a!.dtype} and ${b!.dtype} differ; cast one`)
      return [{ dtype: 'bool', shape: broadcastShapes(a!.shape, b!.shape, name) }]
    },
    gradient: 'none',
    lower: ({ inputs: [a, b], outputs: [y] }, onnx) => {
      onnx.node(onnxType, [onnx.name(a!), onnx.name(b!)], {}, { outputs: [onnx.name(y!)] })
    },
  })
  return (a: Tensor, b: Operand): Tensor => apply([a, typeof b === 'number' ? scalarLike(a, b) : b], null)[0]!
}

export const equal = predicate('equal', 'Equal')
export const less = predicate('less', 'Less')
export const greater = predicate('greater', 'Greater')
export const lessOrEqual = predicate('lessOrEqual', 'LessOrEqual')
export const and = predicate('and', 'And')
export const or = predicate('or', 'Or')

const applyNot = defineOperator<null>({
  name: 'not',
  infer: ([x]) => [{ dtype: 'bool', shape: x!.shape }],
  gradient: 'none',
  lower: ({ inputs: [x], outputs: [y] }, onnx) => {
    onnx.node('Not', [onnx.name(x!)], {}, { outputs: [onnx.name(y!)] })
  },
})
export const not = (x: Tensor): Tensor => applyNot([x], null)[0]!

// d where(c, a, b): c sends the gradient to a, not c to b
const applyWhere = defineOperator<null>({
  name: 'where',
  infer: ([condition, a, b]) => {
    if (condition!.dtype !== 'bool') throw new DtypeError(`where: the condition must be bool, got ${condition!.dtype}`)
    if (a!.dtype !== b!.dtype) throw new DtypeError(`where: element types ${a!.dtype} and ${b!.dtype} differ; cast one`)
    const shape = broadcastShapes(broadcastShapes(condition!.shape, a!.shape, 'where'), b!.shape, 'where')
    return [{ dtype: a!.dtype, shape }]
  },
  gradient: ({ inputs: [condition, a, b], outputs: [y] }, [dy]) => {
    if (!isFloat(y!.dtype)) return []
    const chosen = cast(condition!, y!.dtype)
    const rejected = cast(not(condition!), y!.dtype)
    return [undefined, sumTo(mul(dy!, chosen), a!.shape), sumTo(mul(dy!, rejected), b!.shape)]
  },
  lower: ({ inputs, outputs: [y] }, onnx) => {
    onnx.node(
      'Where',
      inputs.map((input) => onnx.name(input)),
      {},
      { outputs: [onnx.name(y!)] },
    )
  },
})

/** `a` where the condition holds, else `b`; the three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const like = typeof a !== 'number' ? a : typeof b !== 'number' ? b : condition.graph.scalar(0)
  const operand = (x: Operand) => (typeof x === 'number' ? scalarLike(like, x) : x)
  return applyWhere([condition, operand(a), operand(b)], null)[0]!
}
