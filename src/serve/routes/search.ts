import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { RawImage } from '../../image/decode.js'
import { HttpError } from '../http/httpError.js'
import type { Services } from '../services.js'
import type { FoundPicture, PictureSearch } from '../pictureSearch.js'
import { fields, match } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'

const found = z.object({
  results: z.array(
    z.object({
      index: z.int().describe('of the candidate, in the order they were sent').optional(),
      path: z.string().describe('of the picture, in the index').optional(),
      itm: match.shape.itm.nullable().describe('null where it was not re-ranked'),
      itc: match.shape.itc,
    }),
  ),
})

/** Candidates that the joint pass looks at where the request does not say. */
const DEFAULT_RERANK = 16

export function searchRoute({ dispatcher, pictures, limits, search }: Services) {
  const { text, image } = fields(limits)
  return inferenceRoute({
    path: '/v1/search',
    summary: 'Find what fits best',
    description:
      'A text among the pictures sent with it, a picture among texts sent with it, or, with `text` alone, among the pictures of the index that the server was started with. The first by ITC are ordered by ITM logit + ITC cosine.',
    body: z.strictObject({
      text: text.exactOptional(),
      image: image.exactOptional(),
      images: z.array(image).min(1).max(limits.batch).describe('candidates for a text').exactOptional(),
      texts: z.array(text).min(1).max(limits.texts).describe('candidates for a picture').exactOptional(),
      rerank: z
        .int()
        .min(0)
        .max(limits.texts)
        .describe(`default ${DEFAULT_RERANK}; 0: by ITC alone (index)`)
        .exactOptional(),
      top: z.int().min(1).max(limits.texts).describe('results at most, default 10').exactOptional(),
    }),
    result: found,
    async answer({ text, image, images, texts, rerank = DEFAULT_RERANK, top = 10 }, signal) {
      const options = { k: Math.max(rerank, top) }
      if (text !== undefined && images && image === undefined && !texts) {
        const input = { text, images: await pictures.readAll(images, signal) }
        const [ranked] = await dispatcher.run('rankImages', [input], options, signal)
        return { json: { results: ranked!.slice(0, top) } }
      }
      if (image !== undefined && texts && text === undefined && !images) {
        const input = { image: await pictures.read(image, signal), texts }
        const [ranked] = await dispatcher.run('rankTexts', [input], options, signal)
        return { json: { results: ranked!.slice(0, top) } }
      }
      if (text === undefined || image !== undefined || images || texts)
        throw new ConfigError('give text with images, image with texts, or text alone to search the index')
      if (!search)
        throw new HttpError(404, 'NO_INDEX', 'this server has no index: start it with --index, or send images')
      return { json: { results: await searchIndex(search, text, rerank, top, signal) } }
    },
  })

  async function searchIndex(index: PictureSearch, text: string, rerank: number, top: number, signal: AbortSignal) {
    const [vector] = await dispatcher.run('embedText', [{ text }], {}, signal)
    const nearest = await index.nearest(vector!, Math.max(rerank, top), signal)
    const byVector = nearest.map(({ path, itc }) => ({ path, itm: null, itc }))
    if (rerank === 0) return byVector.slice(0, top)
    const candidates = await readCandidates(index, nearest.slice(0, rerank), signal)
    if (candidates.length === 0) return byVector.slice(0, top)
    const input = { text, images: candidates.map(({ picture }) => picture) }
    const [ranked] = await dispatcher.run('rankImages', [input], { k: candidates.length }, signal)
    const first = ranked!.map(({ index: i, itm, itc }) => ({ path: candidates[i]!.path, itm, itc }))
    const seen = new Set(first.map(({ path }) => path))
    return [...first, ...byVector.filter(({ path }) => !seen.has(path))].slice(0, top)
  }

  /** The pictures that are still there; one that has gone since the index was built keeps its place by ITC. */
  async function readCandidates(index: PictureSearch, nearest: readonly FoundPicture[], signal: AbortSignal) {
    const candidates: { path: string; picture: RawImage }[] = []
    for (const { path } of nearest) {
      const bytes = await index.read(path, signal)
      if (bytes) candidates.push({ path, picture: await pictures.prepare(bytes, signal) })
    }
    return candidates
  }
}
