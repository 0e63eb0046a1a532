import { advanceKey, counterHash, sequenceKeys } from '../train/random/counterHash.js'
import { narrowHalf } from '../weights/safetensors/half.js'

const QUANTILES = 1 << 16

/**
 * Fills `into` with float16 bits of a normal distribution, about 2e8 values a second: each value is one of 65,536
 * quantiles, looked up by 16 random bits, so the largest is 4.2 standard deviations.
 * @param name With the seed it picks the values, so a tensor does not depend on those written before it.
 */
export function fillNormalHalves(into: Uint16Array, std: number, seed: number, name: string): void {
  const table = normalQuantileHalves(std)
  const [first, second] = sequenceKeys(seed, name)
  const pairs = into.length >> 1
  for (let i = 0; i < pairs; i++) {
    const bits = counterHash(i, first, second)
    into[2 * i] = table[bits & 0xffff]!
    into[2 * i + 1] = table[bits >>> 16]!
  }
  if (into.length % 2 === 1) into[into.length - 1] = table[counterHash(0, advanceKey(first, pairs), second) & 0xffff]!
}

const tables = new Map<number, Uint16Array>()

/** The middle of each of 65,536 equally likely slices, in float16. A model has few deviations, so they are kept. */
function normalQuantileHalves(std: number): Uint16Array {
  let table = tables.get(std)
  if (table === undefined) {
    const values = Float32Array.from({ length: QUANTILES }, (_, i) => std * normalQuantile((i + 0.5) / QUANTILES))
    table = new Uint16Array(QUANTILES)
    narrowHalf('F16', values, table)
    tables.set(std, table)
  }
  return table
}

/** Inverse of the normal distribution function, to 4.5e-4 (Abramowitz and Stegun 26.2.23). */
function normalQuantile(probability: number): number {
  if (probability > 0.5) return -normalQuantile(1 - probability)
  const t = Math.sqrt(-2 * Math.log(probability))
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328)
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
  return numerator / denominator - t
}
