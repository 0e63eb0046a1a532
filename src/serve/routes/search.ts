import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { FoundPicture } from '../../pictureIndex/rerankFound.js'
import type { Services } from '../services.js'
import { fields, match } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'

const candidate = match.extend({ index: z.int().describe('of the candidate, in the order they were sent') })
const indexed = z.object({
  path: z.string().describe('the file'),
  picture: z.string().describe('where this server gives it'),
  itm: match.shape.itm.describe('where it was re-ranked').optional(),
  itc: match.shape.itc.optional(),
  similarity: z.number().describe('of a picture with the one asked about').optional(),
})

/** Candidates that the joint pass looks at where the request does not say. */
const DEFAULT_RERANK = 16
const DEFAULT_TOP = 10

export function searchRoute({ dispatcher, pictures, limits, found }: Services) {
  const { text, image } = fields(limits)
  const rerank = z.int().min(0).max(limits.texts).describe(`candidates by ITC for ITM, default ${DEFAULT_RERANK}`)
  return inferenceRoute({
    path: '/v1/search',
    summary: 'Find what fits best',
    description:
      'A text among the images sent with it, an image among the texts sent with it, or either alone among the pictures of the index that the server was started with. The first by ITC are ordered by ITM logit + ITC cosine; pictures that are like a picture, by similarity.',
    body: z.strictObject({
      text: text.exactOptional(),
      image: image.exactOptional(),
      images: z.array(image).min(1).max(limits.batch).describe('candidates for a text').exactOptional(),
      texts: z.array(text).min(1).max(limits.texts).describe('candidates for an image').exactOptional(),
      rerank: rerank.exactOptional(),
      top: z.int().min(1).max(limits.texts).describe(`results at most, default ${DEFAULT_TOP}`).exactOptional(),
    }),
    result: z.object({ results: z.union([z.array(candidate), z.array(indexed)]) }),
    async answer({ text, image, images, texts, rerank = DEFAULT_RERANK, top = DEFAULT_TOP }, signal) {
      if ((text === undefined) === (image === undefined))
        throw new ConfigError('give a text or an image to look for, and not both')
      if (text === undefined ? images : texts)
        throw new ConfigError('a text is looked for among images, and an image among texts')
      return { json: { results: await (text === undefined ? searchWithImage() : searchWithText(text)) } }

      async function searchWithText(text: string): Promise<readonly object[]> {
        if (!images) {
          const [listed] = await dispatcher.run('searchIndex', [{ text }], { top, rerank }, signal)
          return listed!.map(withPicture)
        }
        const input = { text, images: await pictures.readAll(images, signal) }
        const [ranked] = await dispatcher.run('rankImages', [input], { k: Math.max(rerank, top) }, signal)
        return ranked!.slice(0, top)
      }

      async function searchWithImage(): Promise<readonly object[]> {
        const read = await pictures.read(image!, signal)
        if (!texts) {
          const [listed] = await dispatcher.run('similarInIndex', [{ image: read }], { top }, signal)
          return listed!.map(withPicture)
        }
        const options = { k: Math.max(rerank, top) }
        const [ranked] = await dispatcher.run('rankTexts', [{ image: read, texts }], options, signal)
        return ranked!.slice(0, top)
      }
    },
  })

  function withPicture<Listed extends Pick<FoundPicture, 'path'>>({ path, ...scores }: Listed) {
    return { path, picture: `/v1/pictures/${found.remember(path)}`, ...scores }
  }
}
