import { topK } from '../tasks/topK.js'

export interface RankingInput {
  readonly rows: number
  readonly columns: number
  /** Candidates of each row that are scored by matching. */
  readonly k: number
  /** ITC cosine, not divided by the temperature. */
  readonly cosine: (row: number, column: number) => number
  readonly isRight: (row: number, column: number) => boolean
  /** Raw match logits of row-column pairs, in their order. */
  readonly matchLogits: (pairs: readonly (readonly [row: number, column: number])[]) => Promise<ArrayLike<number>>
  readonly onRow?: (done: number) => void
}

/** The place of the best right column of each row, 0 for the first; infinite where it is beyond what was ranked. */
export interface Ranks {
  readonly ranks: readonly number[]
  /** By cosine alone. */
  readonly itcRanks: readonly number[]
}

/** Recall is asked for up to this place, so columns are ranked that far even where k is smaller. */
const DEEPEST = 10
/** Rows whose candidates are matched together, to fill batches. */
const ROWS = 8

/**
 * Ranks the columns of each row by cosine, and the k best of them anew by ITM logit + ITC cosine. Rows are taken a few
 * at a time, so neither all scores nor all pairs are ever held.
 */
export async function rankByMatching(input: RankingInput): Promise<Ranks> {
  const { rows, columns, k, cosine, isRight, matchLogits, onRow } = input
  const ranks: number[] = []
  const itcRanks: number[] = []
  for (let start = 0; start < rows; start += ROWS) {
    const part = Array.from({ length: Math.min(ROWS, rows - start) }, (_, i) => {
      const row = start + i
      const cosines = Float64Array.from({ length: columns }, (_, column) => cosine(row, column))
      return { row, cosines, order: topK(cosines, Math.max(k, DEEPEST)) }
    })
    const logits = await matchLogits(
      part.flatMap(({ row, order }) => order.slice(0, k).map((column) => [row, column] as const)),
    )
    let next = 0
    for (const { row, cosines, order } of part) {
      const candidates = order.slice(0, k)
      const scores = new Map(candidates.map((column) => [column, logits[next++]! + cosines[column]!]))
      const reordered = [...candidates].sort((a, b) => scores.get(b)! - scores.get(a)!)
      const place = (list: readonly number[]) => {
        const at = list.findIndex((column) => isRight(row, column))
        return at < 0 ? Number.POSITIVE_INFINITY : at
      }
      ranks.push(place([...reordered, ...order.slice(k)]))
      itcRanks.push(place(order))
    }
    onRow?.(ranks.length)
  }
  return { ranks, itcRanks }
}
