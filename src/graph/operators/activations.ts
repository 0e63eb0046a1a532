import type { Tensor } from '../graph.js'
import { add, erf, exp, mul, sigmoid, sub, tanh, unary } from './elementwise.js'
import { greater } from './logic.js'
import { cast } from './types.js'

// d relu(x) = [x > 0] dx
export const relu = unary('relu', 'Relu', (dy, _x, y) => mul(dy, cast(greater(y, 0), 'float32')))

// d gelu(x) = (Phi(x) + x phi(x)) dx, Phi and phi the normal distribution and its density. With u = x / sqrt(2):
// (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi)
/** x Phi(x) with the exact error function: BERT, the Q-Former and EVA. */
export const gelu = unary('gelu', 'Gelu', (dy, x) => {
  const u = mul(x, Math.SQRT1_2)
  const density = mul(u, exp(sub(-0.5 * Math.log(Math.PI), mul(u, u))))
  return mul(dy, add(mul(add(erf(u), 1), 0.5), density))
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

/** x sigmoid(x), without a node of its own. */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x))
