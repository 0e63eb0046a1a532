import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { RawImage } from '../../image/decode.js'
import { type OneOrMany, pair } from '../../tasks/oneOrMany.js'
import type { Services } from '../services.js'
import { fields, oneOrMany } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'

const embedding = z.object({
  vectors: z.array(z.array(z.number())).describe('one per query of a picture, one alone of a text'),
})

export function embedRoute({ dispatcher, pictures, limits, model }: Services) {
  const { text, images } = fields(limits)
  return inferenceRoute({
    path: '/v1/embed',
    summary: 'Vectors of pictures, of texts, or of both together',
    description:
      'With `image`, unit vectors of its queries; with `text`, its unit vector; with both, what the queries hold after reading them together. The cosine of a picture and a text is the largest product over the queries. An array gives an array.',
    body: z.strictObject({
      image: images.exactOptional(),
      text: oneOrMany(text, limits.batch, 'a text').exactOptional(),
    }),
    result: z.union([embedding, z.array(embedding)]),
    async answer({ image, text }, signal) {
      const read = image === undefined ? undefined : await readOneOrMany(image, signal)
      const found = await embed(read, text, signal)
      const embeddings = found.map((data) => ({ vectors: rows(data, read === undefined ? 1 : model.queries) }))
      return { json: Array.isArray(image) || Array.isArray(text) ? embeddings : embeddings[0] }
    },
  })

  function readOneOrMany(image: string | string[], signal: AbortSignal): Promise<OneOrMany<RawImage>> {
    return Array.isArray(image) ? pictures.readAll(image, signal) : pictures.read(image, signal)
  }

  function embed(image: OneOrMany<RawImage> | undefined, text: string | string[] | undefined, signal: AbortSignal) {
    if (image !== undefined && text !== undefined) {
      const inputs = pair(image, text, 'text').map(([image, text]) => ({ image, text }))
      return dispatcher.run('embedMultimodal', inputs, {}, signal)
    }
    if (image !== undefined) {
      const inputs = [image].flat().map((one) => ({ image: one as RawImage }))
      return dispatcher.run('embedImage', inputs, {}, signal)
    }
    if (text === undefined) throw new ConfigError('give an image, a text, or both')
    const inputs = [text].flat().map((one) => ({ text: one }))
    return dispatcher.run('embedText', inputs, {}, signal)
  }
}

/** [count, width] row-major -> its rows */
function rows(data: Float32Array, count: number): number[][] {
  const width = data.length / count
  return Array.from({ length: count }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width)))
}
