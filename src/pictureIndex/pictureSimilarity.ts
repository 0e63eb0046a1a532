import { cosine } from '../tasks/retriever.js'
import type { VectorShape } from './pictureRow.js'

/**
 * How alike two pictures are, 1 for the same: the mean over the queries of one of their best cosine with a query of the
 * other, in the direction that is worse. a, b: unit vectors [queries, width]
 */
export function pictureSimilarity(a: Float32Array, b: Float32Array, shape: VectorShape): number {
  return Math.min(meanBest(a, b, shape), meanBest(b, a, shape))
}

function meanBest(from: Float32Array, to: Float32Array, { queries, width }: VectorShape): number {
  let sum = 0
  for (let query = 0; query < queries; query++) sum += cosine(to, from.subarray(query * width, (query + 1) * width))
  return sum / queries
}
