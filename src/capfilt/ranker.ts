import type { RgbPicture } from '../image/resize.js'

/** Says how well texts fit a picture. */
export interface Ranker {
  /** The similarity of each picture with each of its own texts, a cosine from -1 to 1. */
  similarities(
    pictures: readonly RgbPicture[],
    texts: readonly (readonly string[])[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly number[])[]>
  dispose(): Promise<void>
}

/**
 * Embeds all texts at once, each distinct one once, and hands them back by picture.
 * @param embed The vector of each text, in their order.
 */
export async function embedDistinct(
  texts: readonly (readonly string[])[],
  embed: (distinct: readonly string[]) => Promise<readonly Float32Array[]>,
): Promise<Float32Array[][]> {
  const distinct = [...new Set(texts.flat())]
  const vectors = await embed(distinct)
  const vectorOf = new Map(distinct.map((text, i) => [text, vectors[i]!]))
  return texts.map((own) => own.map((text) => vectorOf.get(text)!))
}
