import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { Services } from '../services.js'
import { fields, generatedText } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'
import { textEvents } from './textEvents.js'

export function captionRoute({ dispatcher, pictures, limits }: Services) {
  const { images, stream, preset, generation } = fields(limits)
  const candidates = z
    .int()
    .min(1)
    .max(limits.candidates)
    .describe("captions looked for, of which stage 1 picks the best fitting; default: the model's own")
  const prompt = z.string().max(limits.textCharacters).describe("text in front; default: the model's own")
  return inferenceRoute({
    path: '/v1/caption',
    summary: 'Describe pictures',
    description: 'One picture gives one caption, an array gives an array. Of one picture, `stream` gives it in pieces.',
    body: z.strictObject({
      image: images,
      prompt: prompt.exactOptional(),
      candidates: candidates.exactOptional(),
      preset,
      stream,
      ...generation,
    }),
    result: z.union([generatedText, z.array(generatedText)]),
    streams: true,
    async answer({ image, stream, ...options }, signal) {
      if (Array.isArray(image)) {
        if (stream) throw new ConfigError('one caption is streamed at a time; give one image, or leave stream out')
        const read = await pictures.readAll(image, signal)
        const inputs = read.map((one) => ({ image: one }))
        return { json: await dispatcher.run('caption', inputs, options, signal) }
      }
      const input = { image: await pictures.read(image, signal) }
      if (stream) return textEvents(dispatcher.stream('caption', input, options, signal))
      return { json: (await dispatcher.run('caption', [input], options, signal))[0] }
    },
  })
}
