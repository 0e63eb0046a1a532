import { z } from 'zod'
import { PredictionLog } from './predictionLog.js'
import { rankByMatching, type RankingInput } from './rankByMatching.js'

/** A place among those that were ranked; null in a file where it lies beyond them. */
const placeSchema = z.union([z.int().nonnegative(), z.null().transform(() => Number.POSITIVE_INFINITY)])

const foundSchema = z.object({ rank: placeSchema, itcRank: placeSchema, first: z.string() })

/** What was found for a query: the place of the best right answer, the same by ITC alone, and what came first. */
export type FoundEntry = z.output<typeof foundSchema>

export type RetrievalLog = PredictionLog<FoundEntry>

/**
 * Opens the file in which an evaluation of retrieval is kept, and goes on from it.
 *
 * @param of Model, data and settings; a file of others is refused
 * @throws ConfigError where the file is of another evaluation; DataError where it is no such file
 */
export const openRetrievalLog = (path: string, of: Readonly<Record<string, unknown>>): Promise<RetrievalLog> =>
  PredictionLog.openOf(foundSchema, path, of, true)

export interface LoggedRanking extends Omit<RankingInput, 'rows'> {
  /** What each row is called in the file. */
  readonly queries: readonly string[]
  /** What a column is called. */
  readonly nameOf: (column: number) => string
  readonly onProgress: (done: number) => void
  readonly signal?: AbortSignal
}

/** Ranks the rows that the log does not know yet, and adds them to it. -> one for each query */
export async function rankLogged(
  log: RetrievalLog | undefined,
  { queries, nameOf, onProgress, signal, isRight, cosine, matchLogits, ...input }: LoggedRanking,
): Promise<FoundEntry[]> {
  const found = new Map(log?.known)
  const left = queries.flatMap((query, row) => (found.has(query) ? [] : [row]))
  const rankings = rankByMatching({
    ...input,
    rows: left.length,
    isRight: (row, column) => isRight(left[row]!, column),
    cosine: (row, column) => cosine(left[row]!, column),
    matchLogits: (pairs) => matchLogits(pairs.map(([row, column]) => [left[row]!, column])),
  })
  for await (const { row, rank, itcRank, first } of rankings) {
    signal?.throwIfAborted()
    const entry = { rank, itcRank, first: nameOf(first) }
    const query = queries[left[row]!]!
    found.set(query, entry)
    await log?.append([{ id: query, prediction: entry }])
    onProgress(queries.length - left.length + row + 1)
  }
  return queries.map((query) => found.get(query)!)
}
