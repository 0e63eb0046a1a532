import type { Decoder } from './decoder.js'
import type { Generated, GenerationOptions } from './options.js'
import { adjustScores, logProbabilities } from './tokenScores.js'

interface Row {
  readonly ids: number[]
  logProbability: number
  finished: boolean
}

/** The most likely token at each place; the lowest id wins ties. */
export async function greedySearch(decoder: Decoder, options: GenerationOptions): Promise<Generated[]> {
  const { maxNewTokens, lengthPenalty, endTokens, signal } = options
  const { vocabularySize } = decoder
  signal?.throwIfAborted()
  let logits = await decoder.start()
  const rows = Array.from(
    { length: logits.length / vocabularySize },
    (): Row => ({ ids: [], logProbability: 0, finished: false }),
  )
  // The rows the decoder still follows, in its order.
  let open = rows
  for (;;) {
    open.forEach((row, i) => {
      const own = logits.subarray(i * vocabularySize, (i + 1) * vocabularySize)
      const scores = Float64Array.from(own)
      adjustScores(scores, row.ids, options)
      const token = largest(scores)
      row.logProbability += logProbabilities(own)[token]!
      row.ids.push(token)
      row.finished = endTokens.includes(token)
    })
    const parents = open.flatMap((row, i) => (row.finished || row.ids.length === maxNewTokens ? [] : [i]))
    if (parents.length === 0) break
    open = parents.map((i) => open[i]!)
    signal?.throwIfAborted()
    logits = await decoder.next(
      parents,
      open.map(({ ids }) => ids.at(-1)!),
    )
  }
  return rows.map(({ ids, logProbability, finished }) => ({
    ids: finished ? ids.slice(0, -1) : ids,
    finishReason: finished ? 'stop' : 'length',
    score: logProbability / ids.length ** lengthPenalty,
  }))
}

function largest(scores: Float64Array): number {
  let best = 0
  scores.forEach((score, token) => {
    if (score > scores[best]!) best = token
  })
  return best
}
