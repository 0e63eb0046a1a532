import { type MatchingInput, matchCandidates } from './matchCandidates.js'
import { rankOf } from './metrics/recall.js'

export interface RankingInput extends MatchingInput {
  readonly isRight: (row: number, column: number) => boolean
}

/** How the columns of a row were ranked. Places count from 0; infinite is what lies beyond those that were ranked. */
export interface Ranking {
  readonly row: number
  /** The place of the best right column. */
  readonly rank: number
  /** The same by cosine alone. */
  readonly itcRank: number
  /** The column in the first place. */
  readonly first: number
}

/** Recall is asked for up to this place, so columns are ranked that far even where k is smaller. */
const DEEPEST = 10

/** Ranks the columns of each row by cosine, and the k best of them anew by ITM and ITC together. */
export async function* rankByMatching({ isRight, ...input }: RankingInput): AsyncGenerator<Ranking> {
  for await (const { row, order, scores } of matchCandidates(input, DEEPEST)) {
    const reordered = Array.from(scores.keys())
      .sort((a, b) => scores[b]! - scores[a]!)
      .map((i) => order[i]!)
    const ranked = [...reordered, ...order.slice(scores.length)]
    const right = (column: number) => isRight(row, column)
    yield { row, rank: rankOf(ranked, right), itcRank: rankOf(order, right), first: ranked[0]! }
  }
}
