import { defineOperator } from '../graph.js'
import { add, mul, sigmoid, sub, tanh, unary } from './elementwise.js'

// d relu(x) = [x > 0] dx
export const relu = unary('relu', 'Relu', (dy, _x, y) => mul(dy, applyReluSlope([y], null)[0]!))

// [y > 0] of what relu gives. A comparison and a cast take several times as long as HardSigmoid: clip(alpha y), which is
// between 0 and 1 for y below 1 / alpha, less than any number that is not denormal.
const applyReluSlope = defineOperator<null>({
  name: 'reluSlope',
  infer: ([y]) => [{ dtype: y!.dtype, shape: y!.shape }],
  gradient: 'none',
  lower: ({ inputs: [y], outputs: [slope] }, onnx) => {
    const attributes = { alpha: { float: 1e38 }, beta: { float: 0 } }
    onnx.node('HardSigmoid', [onnx.name(y!)], attributes, { outputs: [onnx.name(slope!)] })
  },
})

// d gelu(x) = (Phi(x) + x phi(x)) dx, Phi and phi the normal distribution and its density
/** x Phi(x) with the exact error function: BERT, the Q-Former and EVA. */
export const gelu = unary('gelu', 'Gelu', (dy, x) => mul(dy, applyGeluSlope([x], null)[0]!))

// Phi(x) + x phi(x) = (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi) with u = x / sqrt(2). An operator of its own, since the
// first term, which lies between 0 and 1, is a single pass of HardSigmoid: clip(0.5 erf + 0.5).
const applyGeluSlope = defineOperator<null>({
  name: 'geluSlope',
  infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
  gradient: 'none',
  lower: ({ inputs: [x], outputs: [slope] }, onnx) => {
    const float = (value: number) => onnx.constant(Float32Array.of(value), [])
    const u = onnx.node('Mul', [onnx.name(x!), float(Math.SQRT1_2)])
    const half = { float: 0.5 }
    const distribution = onnx.node('HardSigmoid', [onnx.node('Erf', [u])], { alpha: half, beta: half })
    const exponent = onnx.node('Sub', [float(-0.5 * Math.log(Math.PI)), onnx.node('Mul', [u, u])])
    const density = onnx.node('Mul', [u, onnx.node('Exp', [exponent])])
    onnx.node('Add', [distribution, density], {}, { outputs: [onnx.name(slope!)] })
  },
})

// With t = tanh(c (x + 0.044715 x^3)): d = ((1 + t) / 2 + x / 2 (1 - t^2) c (1 + 3 * 0.044715 x^2)) dx
/** The tanh approximation of GELU ("gelu_new"): T5 as Hugging Face runs it. */
export const geluTanh = unary(
  'geluTanh',
  'Gelu',
  (dy, x) => {
    const c = Math.sqrt(2 / Math.PI)
    const squared = mul(x, x)
    const t = tanh(mul(x, add(mul(squared, c * 0.044715), c)))
    const slope = mul(mul(x, add(mul(squared, 3 * 0.044715 * c), c)), sub(1, mul(t, t)))
    return mul(dy, mul(add(add(t, 1), slope), 0.5))
  },
  '',
  { approximate: 'tanh' },
)

const QUICK_GELU_ALPHA = 1.702 // CLIP
// d = s (1 + alpha x (1 - s)) dx with s = sigmoid(alpha x)
/** x sigmoid(1.702 x): CLIP. */
export const quickGelu = unary(
  'quickGelu',
  'QuickGelu',
  (dy, x) => {
    const scaled = mul(x, QUICK_GELU_ALPHA)
    const s = sigmoid(scaled)
    return mul(dy, mul(s, add(mul(scaled, sub(1, s)), 1)))
  },
  'com.microsoft',
  { alpha: { float: QUICK_GELU_ALPHA } },
)
