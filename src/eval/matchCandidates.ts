import { rerankScore } from '../tasks/rank.js'
import { topK } from '../tasks/topK.js'

/** Raw match logits (class 1) of row-column pairs, in their order. */
export type MatchPairs = (pairs: readonly (readonly [row: number, column: number])[]) => Promise<ArrayLike<number>>

export interface MatchingInput {
  readonly rows: number
  readonly columns: number
  /** Candidates of each row that are scored by matching: 128 in the paper. */
  readonly k: number
  /** ITC cosine, not divided by the temperature. */
  readonly cosine: (row: number, column: number) => number
  readonly matchLogits: MatchPairs
  /** Of a candidate, from its ITM logit and its ITC cosine (default: their sum, as the authors' code has it). */
  readonly scoreOf?: (matchLogit: number, itc: number) => number
}

/** One row of retrieval: its candidates and what they score. */
export interface MatchedRow {
  readonly row: number
  /** Columns by cosine, best first: the candidates, and as many more as were asked for. */
  readonly order: readonly number[]
  /** Of the first k of `order`. */
  readonly scores: Float64Array
}

/** Rows whose candidates are matched together, to fill batches. */
const ROWS = 8

/**
 * Scores the k best columns of each row by ITM. Rows are taken a few at a time, so neither all cosines nor all pairs are
 * ever held.
 *
 * @param depth Columns that are ordered by cosine at least, even where k is smaller.
 */
export async function* matchCandidates(
  { rows, columns, k, cosine, matchLogits, scoreOf = rerankScore({}) }: MatchingInput,
  depth = 0,
): AsyncGenerator<MatchedRow> {
  for (let start = 0; start < rows; start += ROWS) {
    const part = Array.from({ length: Math.min(ROWS, rows - start) }, (_, i) => {
      const row = start + i
      const cosines = Float64Array.from({ length: columns }, (_, column) => cosine(row, column))
      return { row, cosines, order: topK(cosines, Math.max(k, depth)) }
    })
    const logits = await matchLogits(
      part.flatMap(({ row, order }) => order.slice(0, k).map((column) => [row, column] as const)),
    )
    let next = 0
    for (const { row, cosines, order } of part) {
      const scores = Float64Array.from(order.slice(0, k), (column) => scoreOf(logits[next++]!, cosines[column]!))
      yield { row, order, scores }
    }
  }
}
