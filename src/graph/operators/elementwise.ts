import { DtypeError } from '../../errors.js'
import { defineOperator, type Tensor } from '../graph.js'
import { broadcastShapes, isFloat, type TensorType } from '../types.js'
import { equal } from './logic.js'
import { sumTo } from './reductions.js'
import { cast } from './types.js'

/** Operands of binary functions: a number stands for a scalar constant. */
export type Operand = Tensor | number

type BinaryGradient = (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [Tensor, Tensor]

/** Elementwise functions of two operands with numpy's broadcasting. The gradients come back summed to each operand's shape. */
function binary(name: string, onnxType: string, gradient: BinaryGradient) {
  const apply = defineOperator<null>({
    name,
    infer: ([a, b]) => [{ dtype: sameDtype(name, a!, b!), shape: broadcastShapes(a!.shape, b!.shape, name) }],
    gradient: ({ inputs: [a, b], outputs: [y] }, [dy]) => {
      if (!isFloat(y!.dtype)) return []
      const [da, db] = gradient(dy!, a!, b!, y!)
      return [sumTo(da, a!.shape), sumTo(db, b!.shape)]
    },
    lower: ({ inputs: [a, b], outputs: [y] }, onnx) => {
      onnx.node(onnxType, [onnx.name(a!), onnx.name(b!)], {}, { outputs: [onnx.name(y!)] })
    },
  })
  return (a: Operand, b: Operand): Tensor => apply(operands(a, b), null)[0]!
}

type UnaryGradient = (dy: Tensor, x: Tensor, y: Tensor) => Tensor

/** Elementwise functions of one float operand. */
export function unary(name: string, onnxType: string, gradient: UnaryGradient, domain = '', attributes = {}) {
  const apply = defineOperator<null>({
    name,
    infer: ([x]) => [{ dtype: floatDtype(name, x!), shape: x!.shape }],
    gradient: ({ inputs: [x], outputs: [y] }, [dy]) => [gradient(dy!, x!, y!)],
    lower: ({ inputs: [x], outputs: [y] }, onnx) => {
      onnx.node(onnxType, [onnx.name(x!)], attributes, { outputs: [onnx.name(y!)], domain })
    },
  })
  return (x: Tensor): Tensor => apply([x], null)[0]!
}

// d(a + b) = da + db
export const add = binary('add', 'Add', (dy) => [dy, dy])
// d(a - b) = da - db
export const sub = binary('sub', 'Sub', (dy) => [dy, neg(dy)])
// d(a b) = b da + a db
export const mul = binary('mul', 'Mul', (dy, a, b) => [mul(dy, b), mul(dy, a)])
// d(a / b) = da / b - y / b db
export const div = binary('div', 'Div', (dy, _a, b, y) => {
  const da = div(dy, b)
  return [da, neg(mul(da, y))]
})
// d(a^b) = b a^(b-1) da + y log(a) db; the second part needs a > 0
export const pow = binary('pow', 'Pow', (dy, a, b, y) => [mul(dy, mul(b, pow(a, sub(b, 1)))), mul(dy, mul(y, log(a)))])
// The smaller one gets the gradient; ties share it.
export const minimum = binary('minimum', 'Min', (dy, a, b, y) => shareTies(dy, a, b, y))
export const maximum = binary('maximum', 'Max', (dy, a, b, y) => shareTies(dy, a, b, y))

// d(-x) = -dx
export const neg: (x: Tensor) => Tensor = unary('neg', 'Neg', (dy) => neg(dy))
// d exp(x) = y dx
export const exp = unary('exp', 'Exp', (dy, _x, y) => mul(dy, y))
// d log(x) = dx / x
export const log = unary('log', 'Log', (dy, x) => div(dy, x))
// d sqrt(x) = dx / (2 y)
export const sqrt = unary('sqrt', 'Sqrt', (dy, _x, y) => div(mul(dy, 0.5), y))
// d tanh(x) = (1 - y^2) dx
export const tanh = unary('tanh', 'Tanh', (dy, _x, y) => mul(dy, sub(1, mul(y, y))))
// d sigmoid(x) = y (1 - y) dx
export const sigmoid = unary('sigmoid', 'Sigmoid', (dy, _x, y) => mul(dy, mul(y, sub(1, y))))
// d erf(x) = 2/sqrt(pi) exp(-x^2) dx
export const erf = unary('erf', 'Erf', (dy, x) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))))

/** The identity, whose gradient is zero: what PyTorch calls detach. */
const applyStopGradient = defineOperator<null>({
  name: 'stopGradient',
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
  gradient: 'none',
  lower: ({ inputs: [x], outputs: [y] }, onnx) => {
    onnx.node('Identity', [onnx.name(x!)], {}, { outputs: [onnx.name(y!)] })
  },
})
export const stopGradient = (x: Tensor): Tensor => applyStopGradient([x], null)[0]!

function shareTies(dy: Tensor, a: Tensor, b: Tensor, y: Tensor): readonly [Tensor, Tensor] {
  const fromA = cast(equal(a, y), 'float32')
  const fromB = cast(equal(b, y), 'float32')
  const share = div(dy, add(fromA, fromB))
  return [mul(share, fromA), mul(share, fromB)]
}

function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? scalarLike(a, b) : b]
  if (typeof b !== 'number') return [scalarLike(b, a), b]
  throw new DtypeError('a graph function needs a tensor; compute with two numbers outside of the graph')
}

/** A number as a constant that can stand beside `like`. */
export function scalarLike(like: Tensor, value: number): Tensor {
  if (like.dtype !== 'int64') return like.graph.scalar(value)
  if (!Number.isInteger(value)) throw new DtypeError(`${value} beside an int64 tensor; cast the tensor to float32`)
  return like.graph.constant(BigInt64Array.of(BigInt(value)), [])
}

function sameDtype(name: string, a: TensorType, b: TensorType) {
  if (a.dtype !== b.dtype) throw new DtypeError(`${name}: element types ${a.dtype} and ${b.dtype} differ; cast one`)
  return a.dtype
}

function floatDtype(name: string, x: TensorType) {
  if (!isFloat(x.dtype)) throw new DtypeError(`${name}: expected a float tensor, got ${x.dtype}; cast it`)
  return x.dtype
}
