import type { Decoder } from './decoder.js'
import type { Generated, GenerationOptions } from './options.js'
import { adjustScores, logProbabilities } from './tokenScores.js'

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
 * where they are among the first numBeams, the others go on. A search is done when it has numBeams finished texts and
 * the best open one could not beat the worst of them at its present length.
 */
export async function beamSearch(decoder: Decoder, options: GenerationOptions): Promise<Generated[]> {
  const { maxNewTokens, signal } = options
  const { vocabularySize } = decoder
  signal?.throwIfAborted()
  let logits = await decoder.start()
  const searches = Array.from({ length: logits.length / vocabularySize }, (_, row): Search => {
    return { beams: [{ row, ids: [], logProbability: 0 }], finished: [], done: false }
  })
  for (let length = 1; ; length++) {
    for (const search of searches) if (!search.done) extend(search, logits, vocabularySize, length, options)
    const open = searches.filter(({ done }) => !done)
    if (open.length === 0 || length === maxNewTokens) break
    const parents = open.flatMap(({ beams }) => beams.map(({ row }) => row))
    const tokens = open.flatMap(({ beams }) => beams.map(({ ids }) => ids.at(-1)!))
    let row = 0
    for (const search of open) search.beams = search.beams.map((beam) => ({ ...beam, row: row++ }))
    signal?.throwIfAborted()
    logits = await decoder.next(parents, tokens)
  }
  return searches.map((search) => best(search, options))
}

/** Takes one more token; ended texts go to `finished`, the best others are the new beams. */
function extend(
  search: Search,
  logits: Float32Array,
  vocabularySize: number,
  length: number,
  options: GenerationOptions,
) {
  const { numBeams, endTokens, lengthPenalty } = options
  const candidates = continuations(search.beams, logits, vocabularySize, options)
  const beams: Beam[] = []
  for (const [rank, { beam, token, logProbability }] of candidates.entries()) {
    if (endTokens.includes(token)) {
      if (rank < numBeams)
        finish(
          search,
          { ids: beam.ids, finishReason: 'stop', score: logProbability / length ** lengthPenalty },
          numBeams,
        )
    } else if (beams.length < numBeams) beams.push({ row: beam.row, ids: [...beam.ids, token], logProbability })
  }
  search.beams = beams
  const bestOpen = beams[0]
  const worst = search.finished.at(-1)
  search.done =
    bestOpen === undefined ||
    (search.finished.length === numBeams && worst!.score >= bestOpen.logProbability / length ** lengthPenalty)
}

interface Continuation {
  readonly beam: Beam
  readonly token: number
  readonly logProbability: number
}

/** The best 2 x numBeams tokens over all beams, best first: enough when numBeams of them end a text. */
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
    adjustScores(scores, beam.ids, options)
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

function finish(search: Search, text: Generated, numBeams: number): void {
  const at = search.finished.findIndex(({ score }) => text.score > score)
  search.finished.splice(at < 0 ? search.finished.length : at, 0, text)
  if (search.finished.length > numBeams) search.finished.pop()
}

/** At the limit the open texts compete with the ended ones, by the same score. */
function best({ beams, finished, done }: Search, { lengthPenalty }: GenerationOptions): Generated {
  const cut = done
    ? []
    : beams.map(({ ids, logProbability }): Generated => {
        return { ids, finishReason: 'length', score: logProbability / ids.length ** lengthPenalty }
      })
  return [...finished, ...cut].reduce((first, other) => (other.score > first.score ? other : first))
}
