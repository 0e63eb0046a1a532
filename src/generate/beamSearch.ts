import type { Decoder } from './decoder.js'
import { logProbabilities } from './logProbabilities.js'
import { searchRules } from './logitsProcessors.js'
import type { Generated, GenerationOptions } from './options.js'

/** A text that is still being written. */
interface Beam {
  /** Its row in the decoder's last call. */
  readonly row: number
  readonly ids: readonly number[]
  readonly logProbability: number
}

/** What one row of the decoder's first call has come to. */
interface Search {
  beams: readonly Beam[]
  /** Ended texts, best first, at most `numBeams`. */
  readonly finished: Generated[]
  done: boolean
}

/**
 * Beam search as Hugging Face defines it: of the best 2 x numBeams continuations, those that end are kept as finished
 * where they are among the first numBeams, the others go on. `earlyStopping` says when a search is done. At the limit
 * every continuation ends. -> the `numReturnSequences` best texts of each row
 */
export async function beamSearch(decoder: Decoder, options: GenerationOptions): Promise<Generated[][]> {
  const { signal, numReturnSequences } = options
  const { vocabularySize } = decoder
  signal?.throwIfAborted()
  // The prompt runs once for all beams of a row; the first step sets them apart.
  let logits = await decoder.start()
  const searches = Array.from({ length: logits.length / vocabularySize }, (_, row): Search => {
    return { beams: [{ row, ids: [], logProbability: 0 }], finished: [], done: false }
  })
  for (let open = searches; ; ) {
    for (const search of open) extend(search, logits, vocabularySize, options)
    open = open.filter(({ done }) => !done)
    if (open.length === 0) break
    const beams = open.flatMap((search) => search.beams)
    let row = 0
    for (const search of open) search.beams = search.beams.map((beam) => ({ ...beam, row: row++ }))
    signal?.throwIfAborted()
    logits = await decoder.next(
      beams.map((beam) => beam.row),
      beams.map(({ ids }) => ids.at(-1)!),
    )
  }
  return searches.map(({ finished }) => finished.slice(0, numReturnSequences))
}

/** Takes one more token; ended texts go to `finished`, the best others are the new beams. */
function extend(search: Search, logits: Float32Array, vocabularySize: number, options: GenerationOptions): void {
  const { numBeams, endTokens, lengthPenalty, maxNewTokens, stop } = options
  const length = search.beams[0]!.ids.length + 1
  const beams: Beam[] = []
  for (const [rank, { beam, token, logProbability }] of continuations(
    search.beams,
    logits,
    vocabularySize,
    options,
  ).entries()) {
    const isEnd = endTokens.includes(token)
    const ids = [...beam.ids, token]
    const isStopped = isEnd || stop?.(ids) === true
    if (isStopped || length === maxNewTokens) {
      if (rank < numBeams)
        keepFinished(search.finished, numBeams, {
          ids: isEnd ? beam.ids : ids,
          finishReason: isStopped ? 'stop' : 'length',
          score: logProbability / length ** lengthPenalty,
        })
    } else if (beams.length < numBeams) beams.push({ row: beam.row, ids, logProbability })
  }
  search.beams = beams
  search.done = beams.length === 0 || isDone(search.finished, beams[0]!, options)
}

interface Continuation {
  readonly beam: Beam
  readonly token: number
  readonly logProbability: number
}

/** The best tokens over all beams, best first: enough to go on with `numBeams` when as many end a text. */
function continuations(
  beams: readonly Beam[],
  logits: Float32Array,
  vocabularySize: number,
  options: GenerationOptions,
): Continuation[] {
  const limit = Math.max(2, 1 + options.endTokens.length) * options.numBeams
  const kept: Continuation[] = []
  for (const beam of beams) {
    const scores = logProbabilities(logits.subarray(beam.row * vocabularySize, (beam.row + 1) * vocabularySize))
    searchRules(scores, beam.ids, options)
    for (let token = 0; token < vocabularySize; token++) {
      const logProbability = beam.logProbability + scores[token]!
      const worst = kept.length < limit ? Number.NEGATIVE_INFINITY : kept[limit - 1]!.logProbability
      if (logProbability <= worst) continue
      const at = kept.findIndex((other) => logProbability > other.logProbability)
      kept.splice(at < 0 ? kept.length : at, 0, { beam, token, logProbability })
      if (kept.length > limit) kept.pop()
    }
  }
  return kept
}

function keepFinished(finished: Generated[], numBeams: number, text: Generated): void {
  const at = finished.findIndex(({ score }) => text.score > score)
  finished.splice(at < 0 ? finished.length : at, 0, text)
  if (finished.length > numBeams) finished.pop()
}

function isDone(finished: readonly Generated[], bestOpen: Beam, options: GenerationOptions): boolean {
  const { numBeams, earlyStopping, lengthPenalty, maxNewTokens } = options
  if (finished.length < numBeams) return false
  if (earlyStopping === true) return true
  // With a penalty above 0 a text gains as it grows, most at the limit; else it can only lose.
  const length = earlyStopping === 'never' && lengthPenalty > 0 ? maxNewTokens : bestOpen.ids.length
  return finished.at(-1)!.score >= bestOpen.logProbability / length ** lengthPenalty
}
