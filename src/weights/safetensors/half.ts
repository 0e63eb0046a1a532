/** Element types of two bytes that are read and written as float32. */
export type HalfDtype = 'F16' | 'BF16'

/** Widens 16-bit floats to float32, exactly. `into` has the length of `bits`. */
export function widenHalf(dtype: HalfDtype, bits: Uint16Array, into: Float32Array): void {
  // Integer views: a NaN keeps its payload only when it never passes through a JavaScript number.
  const wide = new Uint32Array(into.buffer, into.byteOffset, into.length)
  if (dtype === 'BF16') {
    for (let i = 0; i < wide.length; i++) wide[i] = bits[i]! << 16
  } else {
    const table = float16Table()
    for (let i = 0; i < wide.length; i++) wide[i] = table[bits[i]!]!
  }
}

/** Narrows float32 to 16-bit floats, rounding to nearest even; beyond the range gives infinity. */
export function narrowHalf(dtype: HalfDtype, values: Float32Array, into: Uint16Array): void {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length)
  if (dtype === 'BF16') {
    for (let i = 0; i < wide.length; i++) into[i] = bfloat16Bits(wide[i]!)
  } else {
    for (let i = 0; i < wide.length; i++) into[i] = float16Bits(wide[i]!)
  }
}

let widened: Uint32Array | undefined

/** The float32 bits of all 65536 float16 values: 256 KiB, built at first use. */
function float16Table(): Uint32Array {
  widened ??= Uint32Array.from({ length: 0x10000 }, (_, half) => widenedFloat16(half))
  return widened
}

function widenedFloat16(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  // Subnormal: shift the leading one out of the fraction; the exponent drops by as much.
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

function float16Bits(wide: number): number {
  const sign = (wide >>> 16) & 0x8000
  const magnitude = wide & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x47800000) return sign | 0x7c00 // 2^16 and above
  if (magnitude < 0x38800000) return sign | subnormalFloat16(magnitude) // below 2^-14
  // Add just under half a unit, plus one when the kept part is odd: nearest even. A carry runs into the exponent.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

function subnormalFloat16(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return 0
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const kept = fraction >>> shift
  const rest = fraction & ((1 << shift) - 1)
  const halfway = 1 << (shift - 1)
  return rest > halfway || (rest === halfway && (kept & 1) === 1) ? kept + 1 : kept
}

function bfloat16Bits(wide: number): number {
  if ((wide & 0x7fffffff) > 0x7f800000) return (wide >>> 16) | 0x40 // keep a NaN one
  return (wide + 0x7fff + ((wide >>> 16) & 1)) >>> 16
}
