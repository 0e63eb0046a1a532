import type { Tensor } from '../../graph/graph.js'
import {
  add,
  cast,
  concat,
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
  slice,
  stopGradient,
  sub,
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

/** Vectors of pictures [pictures, queries, width] and of texts [texts, width], of unit length. */
export interface Vectors {
  readonly image: Tensor
  readonly text: Tensor
}

/** Of all ranks' samples, and of texts that belong to none of them [distractors, width], without gradient. */
export interface GatheredVectors extends Vectors {
  readonly distractors?: Tensor
}

/** The rows of one rank's samples: its pictures against the texts of all ranks, its texts against their pictures. */
export function similarityRows(own: Vectors, all: GatheredVectors, temperature: Tensor): Similarities {
  const texts = all.distractors ? concat([all.text, all.distractors], 0) : all.text
  return {
    imageToText: div(maxOverQueries(own.image, texts), temperature),
    textToImage: div(transpose(maxOverQueries(all.image, own.text), [1, 0]), temperature),
  }
}

/**
 * What one rank differentiates of the similarities of all ranks' samples, so that the mean of the ranks' gradients is
 * that of one rank with all samples. 'gathered': the rank's own rows, the others' vectors being constant. 'full': all
 * rows, in which the rank's own vectors are not constant; every rank computes the same loss.
 * @param own Of the rank's samples, with a path to the weights.
 * @param all Of all samples, constant; the rank's own are those from number `first`.
 */
export function similaritiesOfRank(
  own: Vectors,
  all: GatheredVectors,
  first: number,
  temperature: Tensor,
  gradient: ItcGradient,
): Similarities {
  if (gradient === 'gathered') return similarityRows(own, all, temperature)
  const image = replaceRows(all.image, first, own.image)
  const text = replaceRows(all.text, first, own.text)
  const similarity = similarities(image, text, temperature, gradient)
  return all.distractors ? withDistractors(similarity, image, all.distractors, temperature) : similarity
}

/** How pictures fit texts that belong to none of them, as further columns. distractors: [texts, width] */
export function withDistractors(
  { imageToText, textToImage }: Similarities,
  image: Tensor,
  distractors: Tensor,
  temperature: Tensor,
): Similarities {
  const further = div(maxOverQueries(image, distractors), temperature)
  return { imageToText: concat([imageToText, further], 1), textToImage }
}

/** Rows from number `first` replaced. Their gradient is multiplied by the number of ranks, which the mean divides by. */
function replaceRows(all: Tensor, first: number, own: Tensor): Tensor {
  const [count, total] = [own.size(0) as number, all.size(0) as number]
  const constant = stopGradient(own)
  // The value is exactly that of `own`: the difference is zero.
  const amplified = add(constant, mul(sub(own, constant), total / count))
  const end = first + count
  return concat(
    [...(first > 0 ? [slice(all, 0, 0, first)] : []), amplified, ...(end < total ? [slice(all, 0, end, total)] : [])],
    0,
  )
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
 * rowIds: int64 [rows], imageIds: int64 [pictures], textIds: int64 [texts], those of the columns (default: the same for
 * both) -> []
 */
export function itcLossWithIds(
  { imageToText, textToImage }: Similarities,
  rowIds: Tensor,
  imageIds: Tensor,
  textIds = imageIds,
): Tensor {
  const targets = (columnIds: Tensor) => {
    const same = cast(sameIds(rowIds, columnIds), 'float32')
    const share = mul(div(same, sum(same, [1], true)), 1 - LABEL_SMOOTHING)
    return add(share, LABEL_SMOOTHING / (columnIds.size(0) as number))
  }
  const direction = (similarity: Tensor, columnIds: Tensor) =>
    mean(neg(sum(mul(logSoftmax(similarity), targets(columnIds)), [1])))
  return mul(add(direction(imageToText, textIds), direction(textToImage, imageIds)), 0.5)
}

/** Which pairs are the same picture. -> bool [rows, columns] */
export const sameIds = (rows: Tensor, columns: Tensor): Tensor =>
  equal(reshape(rows, [rows.size(0), 1]), reshape(columns, [1, columns.size(0)]))
