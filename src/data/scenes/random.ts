import { DataError } from '../../errors.js'

/** A source of numbers uniform in [0, 1). */
export type UniformRandom = () => number

/** A small seeded generator (mulberry32): the same seed gives the same numbers everywhere. */
export function seededUniform(seed: number): UniformRandom {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of the values, each equally likely. @throws DataError for an empty list. */
export function pick<T>(values: readonly T[], random: UniformRandom): T {
  if (values.length === 0)
    throw new DataError('There is nothing to choose from: the list of items or answers is empty.')
  return values[Math.floor(random() * values.length)]!
}

/** The values in random order (Fisher-Yates); the list given is left alone. */
export function shuffled<T>(values: readonly T[], random: UniformRandom): T[] {
  const order = [...values]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

/** A generator of its own for each seed and name, such as 'test/pair/17'. */
export function namedUniform(seed: number, name: string): UniformRandom {
  // FNV-1a over the seed and the name, then Murmur's finalizer, so that neighbours have nothing in common.
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`${seed}/${name}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return seededUniform(hash ^ (hash >>> 16))
}
