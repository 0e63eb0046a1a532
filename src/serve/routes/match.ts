import { z } from 'zod'
import type { Services } from '../services.js'
import { fields, match } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'

export function matchRoute({ dispatcher, pictures, limits }: Services) {
  const { text, image } = fields(limits)
  return inferenceRoute({
    path: '/v1/match',
    summary: 'Say how well texts fit a picture',
    description: 'Both scores of each text, in the order of the texts.',
    body: z.strictObject({ image, texts: z.array(text).min(1).max(limits.texts) }),
    result: z.object({ matches: z.array(match.extend({ text: z.string() })) }),
    async answer({ image, texts }, signal) {
      const input = { image: await pictures.read(image, signal), texts }
      const [scores] = await dispatcher.run('match', [input], {}, signal)
      return { json: { matches: scores!.map((score, i) => ({ text: texts[i]!, ...score })) } }
    },
  })
}
