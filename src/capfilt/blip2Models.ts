import type { RgbPicture } from '../image/resize.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import { cosine } from '../tasks/retriever.js'
import type { Captioner } from './captioner.js'
import { embedDistinct, type Ranker } from './ranker.js'

/**
 * A BLIP-2 model as captioner (stage 2) and as ranker (the contrastive head of stage 1, the best of the queries). Where
 * it is both, a picture is encoded once. Disposing either disposes the model.
 */
export function blip2Models(model: Blip2): { readonly captioner: Captioner; readonly ranker: Ranker } {
  const known = new WeakMap<RgbPicture, EncodedImage>()
  const encode = async (pictures: readonly RgbPicture[], signal?: AbortSignal): Promise<EncodedImage[]> => {
    const fresh = pictures.filter((picture) => !known.has(picture))
    const raw = fresh.map(({ rgb, width, height }) => ({ data: rgb, width, height, channels: 3 as const }))
    const encoded = await model.encode(raw, signal ? { signal } : {})
    fresh.forEach((picture, i) => {
      known.set(picture, encoded[i]!)
    })
    return pictures.map((picture) => known.get(picture)!)
  }
  const dispose = () => model.dispose()
  return {
    captioner: {
      captions: async (pictures, { count, ...options }) => {
        const images = await encode(pictures, options.signal)
        const found = await model.caption(images, { ...options, doSample: true, numReturnSequences: count })
        return found.map(({ text, alternatives = [] }) => [text, ...alternatives.map((other) => other.text)])
      },
      dispose,
    },
    ranker: {
      similarities: async (pictures, texts, signal) => {
        const options = signal ? { signal } : {}
        const images = await model.embedImage(await encode(pictures, signal), options)
        const vectors = await embedDistinct(texts, (distinct) => model.embedText(distinct, options))
        return vectors.map((own, i) => own.map((vector) => cosine(images[i]!, vector)))
      },
      dispose,
    },
  }
}
