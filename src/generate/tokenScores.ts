import type { GenerationOptions } from './options.js'

/** -> log softmax of one row of logits, in float64. Plain loops: it runs over the vocabulary for every beam and step. */
export function logProbabilities(logits: Float32Array): Float64Array {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!)
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - largest)
  const normalizer = largest + Math.log(total)
  const scores = new Float64Array(logits.length)
  for (let i = 0; i < logits.length; i++) scores[i] = logits[i]! - normalizer
  return scores
}

/** Applies, in place, what the options say of tokens generated already and of ending early. */
export function adjustScores(
  scores: Float64Array,
  generated: readonly number[],
  { repetitionPenalty, minNewTokens, endTokens }: GenerationOptions,
): void {
  if (repetitionPenalty !== 1)
    for (const token of new Set(generated)) {
      const score = scores[token]!
      scores[token] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty
    }
  if (generated.length < minNewTokens) for (const token of endTokens) scores[token] = Number.NEGATIVE_INFINITY
}
