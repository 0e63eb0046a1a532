import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { HttpError } from '../http/httpError.js'
import type { Services } from '../services.js'
import type { ReadRoute } from './readRoute.js'

const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.avif': 'image/avif',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.svg': 'image/svg+xml',
}

/** The pictures of the index, for pages that show what a search found. */
export const pictureRoute = ({ found }: Services): ReadRoute => ({
  path: '/v1/pictures/{picture}',
  summary: 'A picture that a search of the index found, as the file is',
  result: 'image/*',
  answer: async (c) => {
    const path = found.pathOf(c.req.param('picture')!)
    const type = path === undefined ? undefined : TYPES[extname(path).toLowerCase()]
    if (path === undefined || type === undefined) throw notThere()
    const bytes = await readFile(path).catch(() => {
      throw notThere()
    })
    // An SVG opened by itself could run scripts.
    const headers = { 'content-type': type, 'content-security-policy': "default-src 'none'; sandbox" }
    return new Response(bytes, { headers })
  },
})

const notThere = () =>
  new HttpError(404, 'NO_PICTURE', 'no search found a picture of this name, or it is gone; search again')
