import type { Random } from './random.js'

/** Fills with normal numbers of mean 0. */
export function fillNormal(random: Random, into: Float32Array, std: number): void {
  for (let i = 0; i < into.length; i++) into[i] = std * random.normal()
}

/** Fills with normal numbers of mean 0, drawn anew where they lie more than `cut` standard deviations away. */
export function fillTruncatedNormal(random: Random, into: Float32Array, std: number, cut = 2): void {
  for (let i = 0; i < into.length; i++) {
    let value = random.normal()
    while (Math.abs(value) > cut) value = random.normal()
    into[i] = std * value
  }
}
