/** 2^32 over the golden ratio, odd: multiples of it fill the 32-bit numbers evenly. */
const WEYL = 0x9e3779b9

/**
 * The random 32-bit number at place `counter` of a sequence: murmur3's finaliser over a Weyl sequence, keyed before and
 * between its two rounds, so that two sequences are not one shifted. assembly/dropout.ts is the same function.
 * Not for cryptography.
 * @param key0 With key1, two 32-bit numbers that pick one of 2^64 unrelated sequences.
 */
export function counterHash(counter: number, key0: number, key1: number): number {
  let x = (Math.imul(counter, WEYL) + key0) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13) ^ key1, 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** The first key of the sequence that begins `count` places further on. */
export const advanceKey = (key0: number, count: number): number => (key0 + Math.imul(count, WEYL)) | 0

/**
 * The keys of the sequence that `seed` and a name stand for.
 * @param seed An integer from 0 to 2^53 - 1.
 */
export function sequenceKeys(seed: number, name: string): [key0: number, key1: number] {
  let key0 = seed >>> 0
  let key1 = Math.floor(seed / 2 ** 32)
  const absorb = (word: number) => {
    ;[key0, key1] = [counterHash(word, key0, key1), counterHash(~word, key0, key1)]
  }
  for (let i = 0; i < name.length; i++) absorb(name.charCodeAt(i))
  absorb(name.length)
  return [key0, key1]
}
