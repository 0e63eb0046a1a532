import type { GenerationOptions } from './options.js'

/** -> log softmax of one row of logits, in float64. */
export function logProbabilities(logits: Float32Array): Float64Array {
  let largest = Number.NEGATIVE_INFINITY
  for (const logit of logits) largest = Math.max(largest, logit)
  let total = 0
  for (const logit of logits) total += Math.exp(logit - largest)
  const normalizer = largest + Math.log(total)
  return Float64Array.from(logits, (logit) => logit - normalizer)
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
