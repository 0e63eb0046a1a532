import { topK } from '../tasks/topK.js'

export interface RerankInput {
  /** Cosine similarity, not divided by the temperature, row-major [pictures, texts]. */
  readonly similarity: Float32Array
  readonly pictures: number
  readonly texts: number
  /** Candidates of each row that are scored by matching: 128 in the paper. */
  readonly k: number
  /** Match logits (class 1, raw) of picture-text pairs, in their order. */
  readonly matchLogits: (pairs: readonly (readonly [picture: number, text: number])[]) => Promise<ArrayLike<number>>
}

/** Score of the pairs that were not among the candidates, as the authors' code has it. */
export const NOT_A_CANDIDATE = -100

/**
 * Retrieval scores in both directions: the k best of each row by ITC get ITM logit + ITC cosine (authors' code), the
 * others a score below all of them. imageToText: [pictures, texts], textToImage: [texts, pictures]
 */
export async function rerank({ similarity, pictures, texts, k, matchLogits }: RerankInput) {
  const direction = async (
    rows: number,
    columns: number,
    at: (row: number, column: number) => readonly [number, number],
  ) => {
    const scores = new Float32Array(rows * columns).fill(NOT_A_CANDIDATE)
    for (let row = 0; row < rows; row++) {
      const cosine = (column: number) => {
        const [picture, text] = at(row, column)
        return similarity[picture * texts + text]!
      }
      const candidates = topK(
        Float32Array.from({ length: columns }, (_, column) => cosine(column)),
        k,
      )
      const logits = await matchLogits(candidates.map((column) => at(row, column)))
      candidates.forEach((column, i) => {
        scores[row * columns + column] = logits[i]! + cosine(column)
      })
    }
    return scores
  }
  return {
    imageToText: await direction(pictures, texts, (picture, text) => [picture, text]),
    textToImage: await direction(texts, pictures, (text, picture) => [picture, text]),
  }
}
