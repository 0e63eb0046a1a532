import type { Tensor } from '../../graph/graph.js'
import { add, argmax, concat, crossEntropy, gather, mean, stopGradient, where } from '../../graph/index.js'
import { joint, matchHead, type Stage1Config } from '../../models/blip2.js'
import type { ImageCache, KeyValue } from '../../models/qformer.js'
import type { Dropout } from '../../nn/dropout.js'
import type { Scope } from '../../nn/scope.js'

/** Fills the similarity of pairs that must not be drawn as negatives. */
const EXCLUDED = -10_000

/**
 * Draws a hard negative for each row: columns with probability softmax(similarity), the excluded ones never. A draw is
 * the largest of the scores plus Gumbel noise, so that all of the step runs in one graph.
 * similarity: [rows, columns] divided by the temperature, excluded: bool [rows, columns], noise: Gumbel [rows, columns]
 * -> int64 [rows]
 */
export const hardNegatives = (similarity: Tensor, excluded: Tensor, noise: Tensor): Tensor =>
  argmax(add(maskedSimilarity(similarity, excluded), noise))

/** Scores whose softmax are the negatives' probabilities. No gradient passes. */
export const maskedSimilarity = (similarity: Tensor, excluded: Tensor): Tensor =>
  where(excluded, EXCLUDED, stopGradient(similarity))

export interface ItmInput {
  /** What the queries read of the batch's pictures. */
  readonly image: ImageCache
  readonly ids: Tensor
  readonly mask: Tensor
  /** For each text a picture that does not match: int64 [batch]. */
  readonly negativeImages: Tensor
  /** For each picture a text of `texts` that does not match: int64 [batch]. */
  readonly negativeTexts: Tensor
  /** Where negative texts come from: int64 [texts, tokens] (default: those of the batch). */
  readonly texts?: Pick<ItmInput, 'ids' | 'mask'>
  readonly dropout?: Dropout
}

/** Image-text matching over 3 x batch pairs: matching, picture replaced, text replaced (paper 3.2, ITM). */
export function itm(p: Scope, config: Stage1Config, { negativeImages, negativeTexts, texts, ...input }: ItmInput) {
  const { image } = input
  const { ids, mask } = texts ?? input
  const negatives = {
    image: mapCache(image, (each) => gather(each, 0, negativeImages)),
    ids: gather(ids, 0, negativeTexts),
    mask: gather(mask, 0, negativeTexts),
  }
  return matchAgainst(p, config, { ...input, negatives })
}

export interface MatchInput extends Pick<ItmInput, 'image' | 'ids' | 'mask' | 'dropout'> {
  /** What replaces the picture, or the text, of each pair; of the same shapes. */
  readonly negatives: Pick<ItmInput, 'image' | 'ids' | 'mask'>
}

/** The same with the negatives themselves, wherever they come from. */
export function matchAgainst(p: Scope, config: Stage1Config, input: MatchInput) {
  const { image, ids, mask, negatives } = input
  const batch = ids.size(0) as number
  const images = mapCache(image, (own, index, part) => {
    const negative = negatives.image.get(index)![part]
    return concat([own, negative, own], 0)
  })
  const texts = concat([ids, ids, negatives.ids], 0)
  const masks = concat([mask, mask, negatives.mask], 0)
  const perQuery = matchHead(p, joint(p, config, images, texts, masks, input.dropout))
  const logits = mean(perQuery, [1])
  const labels = ids.graph.integers(Array.from({ length: 3 * batch }, (_, row) => (row < batch ? 1 : 0)))
  return { perQuery, logits, loss: crossEntropy(logits, labels) }
}

/** Each key and value tensor of a cache replaced. */
const mapCache = (
  cache: ImageCache,
  change: (tensor: Tensor, index: number, part: keyof KeyValue) => Tensor,
): ImageCache =>
  new Map(
    [...cache].map(([index, { key, value }]) => [
      index,
      { key: change(key, index, 'key'), value: change(value, index, 'value') },
    ]),
  )
