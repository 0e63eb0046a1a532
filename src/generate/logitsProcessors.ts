import type { GenerationOptions } from './options.js'

// Each takes one row of scores over the vocabulary and changes it in place: a copy for every rule, beam and step would
// cost more than the rules. `generated` are the row's new tokens; a soft prompt has no tokens, and tokens of a prompt are
// among them for repetition only where the options name them. They agree with Hugging Face's processors of the same names.

/** Makes tokens that were generated already less likely, for a penalty above 1. */
export function repetitionPenalty(scores: Float64Array, generated: readonly number[], penalty: number): void {
  if (penalty === 1) return
  for (const token of new Set(generated)) {
    const score = scores[token]!
    scores[token] = score < 0 ? score * penalty : score / penalty
  }
}

/** Forbids each token that would complete a run of `size` tokens that is in the text already. */
export function noRepeatNgram(scores: Float64Array, generated: readonly number[], size: number): void {
  if (size === 0) return
  const prefix = generated.length - (size - 1)
  for (let start = 0; start + size <= generated.length; start++) {
    let same = true
    for (let i = 0; same && i < size - 1; i++) same = generated[start + i] === generated[prefix + i]
    if (same) scores[generated[start + size - 1]!] = Number.NEGATIVE_INFINITY
  }
}

/** Forbids the end of a text that has too few tokens. */
export function minNewTokens(
  scores: Float64Array,
  generated: readonly number[],
  least: number,
  endTokens: readonly number[],
): void {
  if (generated.length < least) for (const token of endTokens) scores[token] = Number.NEGATIVE_INFINITY
}

export function temperature(scores: Float64Array, divisor: number): void {
  if (divisor !== 1) for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / divisor
}

/** Forbids all but the k likeliest tokens, and those that tie with the last of them. */
export function topK(scores: Float64Array, k: number): void {
  if (k === 0 || k >= scores.length) return
  const least = Float64Array.from(scores).sort()[scores.length - k]!
  for (let i = 0; i < scores.length; i++) if (scores[i]! < least) scores[i] = Number.NEGATIVE_INFINITY
}

/** Forbids the unlikely tokens that together have no more than 1 - p; the likeliest one always stays. */
export function topP(scores: Float64Array, p: number): void {
  if (p === 1) return
  // Numbers alone are sorted ten times as fast as tokens by their numbers.
  const ascending = Float64Array.from(scores).sort()
  const largest = ascending.at(-1)!
  let total = 0
  for (const score of ascending) total += Math.exp(score - largest)
  let below = 0
  let forbidden = 0
  for (; forbidden < ascending.length - 1; forbidden++) {
    below += Math.exp(ascending[forbidden]! - largest) / total
    if (below > 1 - p) break
  }
  const least = ascending[forbidden]!
  // Of tokens that tie with the least one that stays, those with the lowest ids go first.
  let ties = forbidden - ascending.indexOf(least)
  for (let i = 0; i < scores.length; i++)
    if (scores[i]! < least || (scores[i] === least && ties-- > 0)) scores[i] = Number.NEGATIVE_INFINITY
}

/** The rules that every search follows, in Hugging Face's order. */
export function searchRules(scores: Float64Array, generated: readonly number[], options: GenerationOptions): void {
  const text = options.promptTokens ? [...options.promptTokens, ...generated] : generated
  repetitionPenalty(scores, text, options.repetitionPenalty)
  noRepeatNgram(scores, text, options.noRepeatNgramSize)
  minNewTokens(scores, generated, options.minNewTokens, options.endTokens)
}

/** The rules of drawing, which come after them. */
export function samplingRules(scores: Float64Array, options: GenerationOptions): void {
  temperature(scores, options.temperature)
  topK(scores, options.topK)
  topP(scores, options.topP)
}
