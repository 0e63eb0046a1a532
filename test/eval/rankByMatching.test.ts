import { describe, expect, it } from 'vitest'
import { rankByMatching, type RankingInput } from '../../src/eval/rankByMatching.js'

// Three rows, four columns; the right column of row i is i.
const COSINE = [
  [0.9, 0.8, 0.1, 0.0],
  [0.9, 0.8, 0.1, 0.0],
  [0.9, 0.8, 0.1, 0.0],
]
const LOGITS = [
  [1.0, 1.05, 9, 9],
  [1.0, 1.2, 9, 9],
  [0, 0, 9, 9],
]

async function rankings(input: RankingInput) {
  const found = []
  for await (const ranking of rankByMatching(input)) found.push(ranking)
  return found
}

const rank = (k: number, asked: (readonly [number, number])[] = []) =>
  rankings({
    rows: 3,
    columns: 4,
    k,
    cosine: (row, column) => COSINE[row]![column]!,
    isRight: (row, column) => row === column,
    matchLogits: async (pairs) => {
      asked.push(...pairs)
      return pairs.map(([row, column]) => LOGITS[row]![column]!)
    },
  })

describe('rankByMatching', () => {
  it('orders the k best by logit + cosine and leaves the others behind them', async () => {
    // Row 0: 1.0 + 0.9 > 1.05 + 0.8. Row 1: 1.2 + 0.8 > 1.0 + 0.9. Row 2: no candidate, third by cosine.
    expect(await rank(2)).toEqual([
      { row: 0, rank: 0, itcRank: 0, first: 0 },
      { row: 1, rank: 0, itcRank: 1, first: 1 },
      { row: 2, rank: 2, itcRank: 2, first: 0 },
    ])
  })

  it('asks for the candidates only', async () => {
    const asked: (readonly [number, number])[] = []
    await rank(2, asked)
    expect(asked).toEqual([0, 1, 2].flatMap((row) => [0, 1].map((column) => [row, column])))
  })

  it('takes all columns where k is larger', async () => {
    expect((await rank(100)).map((row) => row.rank)).toEqual([2, 2, 0])
  })

  it('does not find what is beyond the tenth place', async () => {
    const found = await rankings({
      rows: 1,
      columns: 20,
      k: 3,
      cosine: (_, column) => -column,
      isRight: (_, column) => column === 15,
      matchLogits: async (pairs) => pairs.map(() => 0),
    })
    expect(found).toMatchObject([{ rank: Number.POSITIVE_INFINITY, first: 0 }])
  })
})
