import type { Blip2, Match, TaskOptions } from './blip2.js'
import type { EncodedImage } from './imageEncoder.js'
import { cosine, matchProbability, type Pair } from './retriever.js'
import type { ModelConfig } from '../weights/modelConfig.js'
import { topK } from './topK.js'

export interface RankOptions extends TaskOptions {
  /** Candidates by ITC that are scored by ITM; more are not returned. Default 16. */
  readonly k?: number
}

/** A candidate by its position in what was given, with both scores. */
export interface Ranked extends Match {
  readonly index: number
}

/** What ranking needs of a model, here or in a browser. */
type Ranker = Pick<Blip2, 'embedImage' | 'embedText' | 'matchLogits' | 'retrievalConfig'>

/** What a model's candidates are re-ranked by, from their ITM logit (class 1) and their ITC cosine. */
export const rerankScore =
  ({ itcWeight = 1 }: Pick<ModelConfig, 'itcWeight'>) =>
  (matchLogit: number, itc: number): number =>
    matchLogit + itcWeight * itc

/** The texts that fit a picture best: the k first by ITC, ordered by ITM logit + ITC cosine (`rerankScore`). */
export async function rankTexts(
  model: Ranker,
  image: EncodedImage,
  texts: readonly string[],
  options: RankOptions & {
    /** Of `embedText`, where they are known. */ readonly textVectors?: readonly Float32Array[]
  } = {},
): Promise<Ranked[]> {
  const imageVectors = await model.embedImage(image, options)
  const textVectors = options.textVectors ?? (await model.embedText(texts, options))
  const cosines = textVectors.map((vector) => cosine(imageVectors, vector))
  return rank(model, cosines, (index) => [image, texts[index]!], options)
}

/** The pictures that fit a text best, in the same way. */
export async function rankImages(
  model: Ranker,
  text: string,
  images: readonly EncodedImage[],
  options: RankOptions & {
    /** Of `embedImage`, where they are known. */ readonly imageVectors?: readonly Float32Array[]
  } = {},
): Promise<Ranked[]> {
  const imageVectors = options.imageVectors ?? (await model.embedImage(images, options))
  const textVector = await model.embedText(text, options)
  const cosines = imageVectors.map((vectors) => cosine(vectors, textVector))
  return rank(model, cosines, (index) => [images[index]!, text], options)
}

async function rank(
  model: Ranker,
  cosines: readonly number[],
  pairOf: (index: number) => Pair,
  { k = 16, ...options }: RankOptions,
): Promise<Ranked[]> {
  const candidates = topK(cosines, k)
  const logits = await model.matchLogits(candidates.map(pairOf), options)
  const scoreOf = rerankScore(model.retrievalConfig)
  return candidates
    .map((index, i) => ({ index, itc: cosines[index]!, logits: logits[i]! }))
    .map((found) => ({ ...found, score: scoreOf(found.logits[1], found.itc) }))
    .sort((a, b) => b.score - a.score)
    .map(({ index, itc, logits: own }) => ({ index, itm: matchProbability(own), itc }))
}
