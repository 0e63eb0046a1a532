import type { Random } from './random.js'

/** Fills with normal numbers of mean 0. */
export function fillNormal(random: Random, into: Float32Array, std: number): void {
  for (let i = 0; i < into.length; i++) into[i] = std * random.normal()
}
