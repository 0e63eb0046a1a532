import { type MatchingInput, matchCandidates } from './matchCandidates.js'
import { rankOf } from './metrics/recall.js'

export interface RankingInput extends MatchingInput {
  readonly isRight: (row: number, column: number) => boolean
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

/** Ranks the columns of each row by cosine, and the k best of them anew by ITM logit + ITC cosine. */
export async function rankByMatching({ isRight, onRow, ...input }: RankingInput): Promise<Ranks> {
  const ranks: number[] = []
  const itcRanks: number[] = []
  for await (const { row, order, scores } of matchCandidates(input, DEEPEST)) {
    const reordered = Array.from(scores.keys())
      .sort((a, b) => scores[b]! - scores[a]!)
      .map((i) => order[i]!)
    const right = (column: number) => isRight(row, column)
    ranks.push(rankOf([...reordered, ...order.slice(scores.length)], right))
    itcRanks.push(rankOf(order, right))
    onRow?.(ranks.length)
  }
  return { ranks, itcRanks }
}
