import { z } from 'zod'
import type { Services } from '../services.js'
import { fields } from './fields.js'
import { inferenceRoute } from './inferenceRoute.js'

export function attentionRoute({ dispatcher, pictures, limits }: Services) {
  const { text, image } = fields(limits)
  return inferenceRoute({
    path: '/v1/attention',
    summary: 'Where the queries look in a picture',
    description:
      'Cross-attention of each query over the patches of the picture, averaged over the heads of a layer; with a text, of the joint pass in which the queries see it.',
    body: z.strictObject({
      image,
      text: text.exactOptional(),
      gradients: z
        .boolean()
        .describe('only what speaks for a match with the text: attention times its gradient (Grad-CAM)')
        .exactOptional(),
      layer: z.int().min(0).describe('default: the last layer with cross-attention').exactOptional(),
    }),
    result: z.object({
      rows: z.int(),
      columns: z.int(),
      queries: z.array(z.array(z.number())).describe('rows * columns values of each query, row by row'),
    }),
    async answer({ image, layer, gradients, ...text }, signal) {
      const input = { image: await pictures.read(image, signal), ...text }
      const options = {
        ...(layer === undefined ? {} : { layer }),
        ...(gradients === undefined ? {} : { gradients }),
      }
      const [map] = await dispatcher.run('attention', [input], options, signal)
      const { rows, columns, queries } = map!
      return { json: { rows, columns, queries: queries.map((query) => Array.from(query)) } }
    },
  })
}
