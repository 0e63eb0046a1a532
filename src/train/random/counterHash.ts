/** 2^32 over the golden ratio, odd: multiples of it fill the 32-bit numbers evenly. */
const WEYL = 0x9e3779b9

/** Two 32-bit numbers that pick one of 2^64 unrelated sequences. */
export type Keys = readonly [number, number]

/**
 * The random 32-bit number at place `counter` of a sequence: murmur3's finaliser over a Weyl sequence, keyed before and
 * between its two rounds, so that two sequences are not one shifted. assembly/dropout.ts is the same function.
 * Not for cryptography.
 */
export function counterHash(counter: number, [key0, key1]: Keys): number {
  let x = (Math.imul(counter, WEYL) + key0) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13) ^ key1, 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/**
 * The keys of the sequence that `seed` and a name stand for.
 * @param seed An integer from 0 to 2^53 - 1.
 */
export function sequenceKeys(seed: number, name: string): Keys {
  let keys: Keys = [seed >>> 0, Math.floor(seed / 2 ** 32)]
  const absorb = (word: number) => {
    keys = [counterHash(word, keys), counterHash(~word, keys)]
  }
  for (let i = 0; i < name.length; i++) absorb(name.charCodeAt(i))
  absorb(name.length)
  return keys
}
