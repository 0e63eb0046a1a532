/**
 * One AdamW step over `bytes` bytes of float32 (a multiple of 16) in one pass: decoupled weight decay, PyTorch's order
 * of operations (Loshchilov and Hutter 2019, algorithm 2).
 *
 *   value  *= keep                                                  keep = 1 - lr * weightDecay
 *   first  += (g - first) * (1 - beta1)                             g = gradient * gradientScale
 *   second  = second * beta2 + g * g * (1 - beta2)
 *   value  -= stepSize * first / (sqrt(second) * rootScale + eps)   stepSize = lr / (1 - beta1^t)
 *                                                                   rootScale = 1 / sqrt(1 - beta2^t)
 */
export function adamwStep(
  value: usize,
  gradient: usize,
  first: usize,
  second: usize,
  bytes: usize,
  gradientScale: f32,
  keep: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  stepSize: f32,
  rootScale: f32,
  eps: f32,
): void {
  const scale = f32x4.splat(gradientScale)
  const kept = f32x4.splat(keep)
  const rate1 = f32x4.splat(oneMinusBeta1)
  const decay2 = f32x4.splat(beta2)
  const rate2 = f32x4.splat(oneMinusBeta2)
  const size = f32x4.splat(stepSize)
  const root = f32x4.splat(rootScale)
  const epsilon = f32x4.splat(eps)
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = f32x4.mul(v128.load(gradient + at), scale)
    const m0 = v128.load(first + at)
    const m = floored(f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), rate1)))
    const v = floored(f32x4.add(f32x4.mul(v128.load(second + at), decay2), f32x4.mul(f32x4.mul(g, g), rate2)))
    const step = f32x4.div(f32x4.mul(m, size), f32x4.add(f32x4.mul(f32x4.sqrt(v), root), epsilon))
    v128.store(first + at, m)
    v128.store(second + at, v)
    v128.store(value + at, f32x4.sub(f32x4.mul(v128.load(value + at), kept), step))
  }
}

/**
 * 2^-80. Adding and taking it away rounds to multiples of 2^-103 (1e-31), nothing beside eps. Without it the moments of
 * rows that get no gradient decay into subnormal numbers and stay there (0.9 of the smallest rounds back to it), and
 * processors take many cycles for each of those.
 */
const FLOOR: f32 = 8.271806125530277e-25

function floored(x: v128): v128 {
  return f32x4.sub(f32x4.add(x, f32x4.splat(FLOOR)), f32x4.splat(FLOOR))
}
