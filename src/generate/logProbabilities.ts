/** -> log softmax of one row of scores, in float64. Plain loops: it runs over the vocabulary for every beam and step. */
export function logProbabilities(scores: ArrayLike<number>): Float64Array {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < scores.length; i++) largest = Math.max(largest, scores[i]!)
  let total = 0
  for (let i = 0; i < scores.length; i++) total += Math.exp(scores[i]! - largest)
  const normalizer = largest + Math.log(total)
  const found = new Float64Array(scores.length)
  for (let i = 0; i < scores.length; i++) found[i] = scores[i]! - normalizer
  return found
}
