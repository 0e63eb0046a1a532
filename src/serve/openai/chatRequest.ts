import { z } from 'zod'
import type { ServerLimits } from '../limits.js'

/**
 * The part of OpenAI's request that has a meaning here; other fields are let through unread, as clients send many.
 * Tools and other media than pictures are refused: an answer that ignores them would be wrong.
 */
export function chatRequestSchema({ bodyBytes, beams, textCharacters }: ServerLimits) {
  const textPart = z.object({ type: z.literal('text'), text: z.string().max(textCharacters) })
  const imagePart = z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: z.string().min(1).max(bodyBytes) }),
  })
  const part = z.discriminatedUnion('type', [textPart, imagePart])
  const message = z.object({
    role: z.enum(['system', 'developer', 'user', 'assistant']),
    content: z.union([z.string().max(textCharacters), z.array(part).max(64)]),
  })
  return z.looseObject({
    model: z.string().max(200).describe('any name; the server has one model').optional(),
    messages: z.array(message).min(1).max(64),
    stream: z.boolean().nullish(),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).describe('above 0 tokens are drawn; default: not').nullish(),
    top_p: z.number().positive().max(1).describe('below 1 tokens are drawn').nullish(),
    seed: z.int().nullish(),
    n: z.int().min(1).max(beams).nullish(),
    stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
    tools: z.array(z.unknown()).max(0, 'this model calls no tools').nullish(),
  })
}

export type ChatRequest = z.output<ReturnType<typeof chatRequestSchema>>

const choiceFields = { index: z.int(), finish_reason: z.enum(['stop', 'length', 'content_filter']), logprobs: z.null() }

export const chatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int().describe('seconds since 1970'),
  model: z.string(),
  choices: z.array(
    z.object({
      ...choiceFields,
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
    }),
  ),
})
