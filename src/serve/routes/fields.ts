import { z } from 'zod'
import type { GenerationOptions } from '../../generate/options.js'
import { PRESET_NAMES } from '../../generate/presets.js'
import type { ServerLimits } from '../limits.js'

/** The fields that several routes have. */
export function fields(limits: ServerLimits) {
  const text = z.string().min(1).max(limits.textCharacters)
  const image = z
    .string()
    .min(1)
    .max(limits.bodyBytes)
    .describe('a picture: a data URL (data:image/png;base64,...), or an http(s) address where the server allows it')
  return {
    text,
    image,
    images: oneOrMany(image, limits.batch, 'a picture (data:image/png;base64,...)'),
    stream: z.boolean().describe('answer with server-sent events, as the text is written').exactOptional(),
    preset: z.enum(PRESET_NAMES).describe("settings of the paper or of the authors' code").exactOptional(),
    generation: generationFields(limits),
  }
}

/** @param what For the error: 'expected a text, or an array of 1 to 16'. */
export const oneOrMany = <Item extends z.ZodType>(item: Item, most: number, what: string) =>
  z.union([item, z.array(item).min(1).max(most)], `expected ${what}, or an array of 1 to ${most}`)

/** How a text is generated; what is left out is the model's own. */
const generationFields = ({ beams, newTokens, textCharacters }: ServerLimits) =>
  ({
    numBeams: z.int().min(1).max(beams).describe('hypotheses followed at a time; 1 is greedy').exactOptional(),
    numReturnSequences: z.int().min(1).max(beams).describe('texts given back, best first').exactOptional(),
    maxNewTokens: z.int().min(1).max(newTokens).exactOptional(),
    minNewTokens: z.int().min(0).max(newTokens).exactOptional(),
    lengthPenalty: z.number().min(-10).max(10).describe('above 0 long texts gain').exactOptional(),
    earlyStopping: z
      .union([z.boolean(), z.literal('never')])
      .describe('whether beam search ends with enough ended texts')
      .exactOptional(),
    repetitionPenalty: z.number().positive().max(10).exactOptional(),
    noRepeatNgramSize: z.int().min(0).max(newTokens).exactOptional(),
    doSample: z.boolean().describe('draw each token; the four below need it').exactOptional(),
    temperature: z.number().positive().max(10).exactOptional(),
    topK: z.int().min(0).exactOptional(),
    topP: z.number().positive().max(1).exactOptional(),
    seed: z.int().min(0).exactOptional(),
    stop: z.array(z.string().min(1).max(textCharacters)).max(4).describe('strings that end a text').exactOptional(),
  }) satisfies Record<keyof Omit<GenerationOptions, 'endTokens' | 'promptTokens' | 'signal'>, z.ZodType>

export const match = z.object({
  itm: z.number().describe('probability that picture and text match'),
  itc: z.number().describe('cosine of their vectors, the best over the queries'),
})

const oneText = {
  text: z.string(),
  finishReason: z.enum(['stop', 'length', 'filtered']),
  score: z.number().describe('log-probability / tokens ^ lengthPenalty'),
  match: match.describe('where candidates were compared').optional(),
}

export const generatedText = z.object({
  ...oneText,
  alternatives: z.array(z.object(oneText)).describe('the next best texts').optional(),
})
