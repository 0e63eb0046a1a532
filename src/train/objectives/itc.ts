import type { Tensor } from '../../graph/graph.js'
import {
  add,
  cast,
  crossEntropyRows,
  div,
  equal,
  logSoftmax,
  matmul,
  max,
  mean,
  mul,
  neg,
  reshape,
  stopGradient,
  sum,
  transpose,
} from '../../graph/index.js'

/** Smoothing of the contrastive targets in the authors' code. */
const LABEL_SMOOTHING = 0.1

/**
 * How the contrastive loss is differentiated. 'full' is its gradient; 'gathered' is what the authors' code computes: it
 * gathers the other side's features from all ranks without gradient, even with one rank.
 */
export type ItcGradient = 'full' | 'gathered'

export interface Similarities {
  /** Rows are pictures, columns texts: the largest cosine over the queries, divided by the temperature. */
  readonly imageToText: Tensor
  /** Rows are texts, columns pictures. */
  readonly textToImage: Tensor
}

/**
 * Picture-text similarity (paper 3.2, ITC).
 * image: [pictures, queries, width], text: [texts, width], both of unit length; temperature: []
 */
export function similarities(image: Tensor, text: Tensor, temperature: Tensor, gradient: ItcGradient): Similarities {
  const cut = gradient === 'gathered' ? stopGradient : (x: Tensor) => x
  const imageToText = div(maxOverQueries(image, cut(text)), temperature)
  const textToImage =
    gradient === 'gathered'
      ? div(transpose(maxOverQueries(stopGradient(image), text), [1, 0]), temperature)
      : transpose(imageToText, [1, 0])
  return { imageToText, textToImage }
}

/** The best query's cosine for each pair. image: [pictures, queries, width], text: [texts, width] -> [pictures, texts] */
export function maxOverQueries(image: Tensor, text: Tensor): Tensor {
  const [pictures, queries, width] = image.shape as [number, number, number]
  const products = matmul(reshape(image, [pictures * queries, width]), text, { transposeB: true })
  return max(reshape(products, [pictures, queries, text.size(0)]), [1])
}

/** Mean of the two directions' cross-entropies. targets: int64 [rows], the matching column of each row -> [] */
export function itcLoss({ imageToText, textToImage }: Similarities, targets: Tensor): Tensor {
  const direction = (similarity: Tensor) =>
    mean(crossEntropyRows(similarity, targets, { labelSmoothing: LABEL_SMOOTHING }))
  return mul(add(direction(imageToText), direction(textToImage)), 0.5)
}

/**
 * The loss of retrieval fine-tuning, where several texts belong to one picture: targets are shared between equal ids.
 * rowIds: int64 [rows], columnIds: int64 [columns] -> []
 */
export function itcLossWithIds({ imageToText, textToImage }: Similarities, rowIds: Tensor, columnIds: Tensor): Tensor {
  const same = cast(sameIds(rowIds, columnIds), 'float32')
  const share = mul(div(same, sum(same, [1], true)), 1 - LABEL_SMOOTHING)
  const targets = add(share, LABEL_SMOOTHING / (columnIds.size(0) as number))
  const direction = (similarity: Tensor) => mean(neg(sum(mul(logSoftmax(similarity), targets), [1])))
  return mul(add(direction(imageToText), direction(textToImage)), 0.5)
}

/** Which pairs are the same picture. -> bool [rows, columns] */
export const sameIds = (rows: Tensor, columns: Tensor): Tensor =>
  equal(reshape(rows, [rows.size(0), 1]), reshape(columns, [1, columns.size(0)]))
