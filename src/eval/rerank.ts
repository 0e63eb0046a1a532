import { matchCandidates, type MatchPairs } from './matchCandidates.js'

export interface RerankInput {
  /** Cosine similarity, not divided by the temperature, row-major [pictures, texts]. */
  readonly similarity: Float32Array
  readonly pictures: number
  readonly texts: number
  /** Candidates of each row that are scored by matching: 128 in the paper. */
  readonly k: number
  /** Match logits (class 1, raw) of picture-text pairs, in their order. */
  readonly matchLogits: MatchPairs
}

/** Score of the pairs that were not among the candidates, as the authors' code has it. */
export const NOT_A_CANDIDATE = -100

/**
 * Retrieval scores in both directions, all of them at once: the k best of each row by ITC get ITM logit + ITC cosine
 * (authors' code), the others a score below all of them. imageToText: [pictures, texts], textToImage: [texts, pictures]
 */
export async function rerank({ similarity, pictures, texts, k, matchLogits }: RerankInput) {
  const direction = async (
    rows: number,
    columns: number,
    toPair: (row: number, column: number) => [number, number],
  ) => {
    const matrix = new Float32Array(rows * columns).fill(NOT_A_CANDIDATE)
    const matched = matchCandidates({
      rows,
      columns,
      k,
      cosine: (row, column) => {
        const [picture, text] = toPair(row, column)
        return similarity[picture * texts + text]!
      },
      matchLogits: (pairs) => matchLogits(pairs.map(([row, column]) => toPair(row, column))),
    })
    for await (const { row, order, scores } of matched)
      for (const [i, score] of scores.entries()) matrix[row * columns + order[i]!] = score
    return matrix
  }
  return {
    imageToText: await direction(pictures, texts, (picture, text) => [picture, text]),
    textToImage: await direction(texts, pictures, (text, picture) => [picture, text]),
  }
}
