import { ImageError } from '../errors.js'
import type { Blip2Methods } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import { rerankScore } from '../tasks/rank.js'
import { matchProbability } from '../tasks/retriever.js'

/** A picture of the index that fits a text. */
export interface FoundPicture {
  readonly path: string
  /** Cosine of picture and text, the best over the queries. */
  readonly itc: number
  /** Probability that they match, where the picture was re-ranked. */
  readonly itm?: number
}

export interface RerankFoundOptions {
  readonly onBroken?: ((path: string, error: ImageError) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Opens the pictures again and orders them by ITM logit + ITC cosine (`rerankScore`). Those that are gone are left out. */
export async function rerankFound(
  model: Blip2Methods,
  text: string,
  found: readonly FoundPicture[],
  { onBroken, signal }: RerankFoundOptions,
): Promise<FoundPicture[]> {
  const options = signal ? { signal } : {}
  const opened: { picture: FoundPicture; image: EncodedImage }[] = []
  for (const picture of found) {
    try {
      opened.push({ picture, image: await model.encode(picture.path, options) })
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      onBroken?.(picture.path, error)
    }
  }
  const logits = await model.matchLogits(
    opened.map(({ image }) => [image, text] as const),
    options,
  )
  const scoreOf = rerankScore(model.retrievalConfig)
  const scores = opened.map(({ picture }, i) => scoreOf(logits[i]![1], picture.itc))
  return [...opened.keys()]
    .sort((a, b) => scores[b]! - scores[a]!)
    .map((i) => ({ ...opened[i]!.picture, itm: matchProbability(logits[i]!) }))
}
