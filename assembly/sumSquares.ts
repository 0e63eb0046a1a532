/** Sum of the squares of `bytes` bytes of float32 (a multiple of 32), added up in float64. */
export function sumSquares(values: usize, bytes: usize): f64 {
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let c = f64x2.splat(0)
  let d = f64x2.splat(0)
  const end = values + bytes
  for (let at = values; at < end; at += 32) {
    const low = v128.load(at)
    const high = v128.load(at, 16)
    const w = f64x2.promote_low_f32x4(low)
    const x = f64x2.promote_low_f32x4(v128.shuffle<i64>(low, low, 1, 1))
    const y = f64x2.promote_low_f32x4(high)
    const z = f64x2.promote_low_f32x4(v128.shuffle<i64>(high, high, 1, 1))
    a = f64x2.add(a, f64x2.mul(w, w))
    b = f64x2.add(b, f64x2.mul(x, x))
    c = f64x2.add(c, f64x2.mul(y, y))
    d = f64x2.add(d, f64x2.mul(z, z))
  }
  const sum = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}
