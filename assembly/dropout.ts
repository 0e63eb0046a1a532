/**
 * Fills `bytes` bytes (a multiple of 16) with 1 (keep) or 0 (drop). Each byte depends only on the keys and on its
 * index, so that a mask can be drawn again for the backward pass or after a resume. Two masks come from one 32-bit
 * hash: murmur3's finaliser over a Weyl sequence, keyed before and between its two rounds so that two key pairs give
 * unrelated sequences rather than one shifted.
 * @param threshold A 16-bit hash half below it is dropped; as a signed number, -32768 (drop none) to 32767.
 */
export function fillDropoutMask(mask: usize, bytes: usize, key0: i32, key1: i32, threshold: i32): void {
  const limit = i16x8.splat(<i16>threshold)
  const between = i32x4.splat(key1)
  const one = i8x16.splat(1)
  const advance = i32x4.splat(4 * WEYL)
  let counter = i32x4.add(i32x4(0, WEYL, 2 * WEYL, 3 * WEYL), i32x4.splat(key0))
  for (let at: usize = 0; at < bytes; at += 16) {
    const low = i16x8.ge_s(hash(counter, between), limit)
    counter = i32x4.add(counter, advance)
    const high = i16x8.ge_s(hash(counter, between), limit)
    counter = i32x4.add(counter, advance)
    v128.store(mask + at, v128.and(i8x16.narrow_i16x8_s(low, high), one))
  }
}

/** 2^32 over the golden ratio, odd: multiples of it fill the 32-bit numbers evenly. */
const WEYL: i32 = 0x9e3779b9

function hash(x: v128, between: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16))
  x = i32x4.mul(x, i32x4.splat(0x85ebca6b))
  x = v128.xor(x, i32x4.shr_u(x, 13))
  x = v128.xor(x, between)
  x = i32x4.mul(x, i32x4.splat(0xc2b2ae35))
  return v128.xor(x, i32x4.shr_u(x, 16))
}
