import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { pair } from '../../tasks/oneOrMany.js'
import type { Services } from '../services.js'
import { fields, generatedText, oneOrMany } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'
import { textEvents } from './textEvents.js'

export function askRoute({ dispatcher, pictures, limits }: Services) {
  const { text, images, stream, preset, generation } = fields(limits)
  const template = text.describe("a prompt with {} where the question goes; default: the language model's")
  return inferenceRoute({
    path: '/v1/ask',
    summary: 'Answer questions about pictures',
    description:
      'Several questions about one picture, one about several, or one for each give an array of answers. One answer can be streamed.',
    body: z.strictObject({
      image: images,
      question: oneOrMany(text, limits.batch, 'a text'),
      template: template.exactOptional(),
      preset,
      stream,
      ...generation,
    }),
    result: z.union([generatedText, z.array(generatedText)]),
    streams: true,
    async answer({ image, question, stream, ...options }, signal) {
      const many = Array.isArray(image) || Array.isArray(question)
      if (stream && many)
        throw new ConfigError('one answer is streamed at a time; give one image and one question, or leave stream out')
      const read = Array.isArray(image) ? await pictures.readAll(image, signal) : await pictures.read(image, signal)
      const inputs = pair(read, question, 'question').map(([image, question]) => ({ image, question }))
      if (stream) return textEvents(dispatcher.stream('ask', inputs[0]!, options, signal))
      const answers = await dispatcher.run('ask', inputs, options, signal)
      return { json: many ? answers : answers[0] }
    },
  })
}
