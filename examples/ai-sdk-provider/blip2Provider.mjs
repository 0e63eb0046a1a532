// BLIP-2 as a language model of the Vercel AI SDK 5 (version 2 of its provider interface), over `blip2 serve`.
//   npm install ai @ai-sdk/provider @ai-sdk/provider-utils zod
//   const blip2 = createBlip2({ baseURL: 'http://127.0.0.1:8080' })
//   const { text } = await generateText({ model: blip2('emoji'), messages: [{ role: 'user', content: [
//     { type: 'image', image: await readFile('photo.png') },
//     { type: 'text', text: 'what is this?' },
//   ] }] })
// A picture without words is described; with words, the question is answered. The SDK itself fetches pictures that are
// given by their address, and asks again where the server was busy.
import { UnsupportedFunctionalityError } from '@ai-sdk/provider'
import {
  combineHeaders,
  convertToBase64,
  createEventSourceResponseHandler,
  createJsonErrorResponseHandler,
  createJsonResponseHandler,
  postJsonToApi,
} from '@ai-sdk/provider-utils'
import { z } from 'zod'

/** @param {{ baseURL?: string, token?: string, fetch?: typeof globalThis.fetch }} settings */
export function createBlip2({ baseURL = 'http://127.0.0.1:8080', token, fetch } = {}) {
  const post = (options, body, successfulResponseHandler) =>
    postJsonToApi({
      url: `${baseURL.replace(/\/+$/, '')}/v1/chat/completions`,
      headers: combineHeaders(token && { authorization: `Bearer ${token}` }, options.headers),
      body,
      successfulResponseHandler,
      failedResponseHandler,
      abortSignal: options.abortSignal,
      fetch,
    })

  return (modelId) => ({
    specificationVersion: 'v2',
    provider: 'blip2',
    modelId,
    // No address is left to the server, which opens none unless it is told to.
    supportedUrls: {},

    async doGenerate(options) {
      const body = bodyOf(modelId, options)
      const { value, responseHeaders } = await post(options, body, createJsonResponseHandler(completionSchema))
      const [{ message, finish_reason }] = value.choices
      return {
        content: [{ type: 'text', text: message.content }],
        finishReason: FINISH_REASONS[finish_reason],
        usage: UNKNOWN_USAGE,
        warnings: warningsOf(options),
        request: { body },
        response: { ...metadataOf(value), headers: responseHeaders },
      }
    },

    async doStream(options) {
      const body = { ...bodyOf(modelId, options), stream: true }
      const { value, responseHeaders } = await post(options, body, createEventSourceResponseHandler(eventSchema))
      return { stream: value.pipeThrough(partsOf(options)), request: { body }, response: { headers: responseHeaders } }
    },
  })
}

const UNKNOWN_USAGE = { inputTokens: undefined, outputTokens: undefined, totalTokens: undefined }
const FINISH_REASONS = { stop: 'stop', length: 'length', content_filter: 'content-filter' }

const errorSchema = z.object({ error: z.object({ message: z.string() }) })
const finishReasonSchema = z.enum(Object.keys(FINISH_REASONS))
const head = { id: z.string(), created: z.number(), model: z.string() }
const completionSchema = z.object({
  ...head,
  choices: z.tuple([z.object({ message: z.object({ content: z.string() }), finish_reason: finishReasonSchema })]),
})
const chunkSchema = z.object({
  ...head,
  choices: z.tuple([
    z.object({ delta: z.object({ content: z.string().optional() }), finish_reason: finishReasonSchema.nullable() }),
  ]),
})
const eventSchema = z.union([chunkSchema, errorSchema])

const failedResponseHandler = createJsonErrorResponseHandler({
  errorSchema,
  errorToMessage: ({ error }) => error.message,
})

const metadataOf = ({ id, created, model }) => ({ id, timestamp: new Date(created * 1000), modelId: model })

function bodyOf(model, { prompt, maxOutputTokens, temperature, topP, seed, stopSequences }) {
  return {
    model,
    messages: prompt.map(messageOf),
    max_tokens: maxOutputTokens,
    temperature,
    top_p: topP,
    seed,
    stop: stopSequences,
  }
}

function messageOf({ role, content }) {
  if (role === 'tool') throw new UnsupportedFunctionalityError({ functionality: 'results of tools' })
  return { role, content: typeof content === 'string' ? content : content.map(partOf) }
}

function partOf(part) {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type !== 'file') throw new UnsupportedFunctionalityError({ functionality: `${part.type} parts of messages` })
  if (!part.mediaType.startsWith('image/'))
    throw new UnsupportedFunctionalityError({ functionality: `files of type ${part.mediaType}` })
  return { type: 'image_url', image_url: { url: urlOf(part) } }
}

/** The server looks at the bytes, so that any type of picture will do. */
const urlOf = ({ data, mediaType }) =>
  data instanceof URL ? data.href : `data:${mediaType.replace('*', 'png')};base64,${convertToBase64(data)}`

/** What the model has no use for. */
function warningsOf({ tools = [], responseFormat, prompt, ...settings }) {
  const unread = ['topK', 'presencePenalty', 'frequencyPenalty'].filter((setting) => settings[setting] !== undefined)
  if (responseFormat?.type === 'json') unread.push('responseFormat')
  return [
    ...tools.map((tool) => ({ type: 'unsupported-tool', tool })),
    ...unread.map((setting) => ({ type: 'unsupported-setting', setting })),
    ...(prompt.some(({ role }) => role === 'system')
      ? [{ type: 'other', message: 'BLIP-2 reads no system message' }]
      : []),
  ]
}

/** Chunks of a chat completion, as the SDK parsed them -> parts of a stream of the SDK. */
function partsOf(options) {
  const id = '0'
  let begun = false
  let finishReason = 'unknown'
  return new TransformStream({
    start: (controller) => controller.enqueue({ type: 'stream-start', warnings: warningsOf(options) }),
    transform(event, controller) {
      if (!event.success || 'error' in event.value) {
        finishReason = 'error'
        controller.enqueue({ type: 'error', error: event.success ? new Error(event.value.error.message) : event.error })
        return
      }
      const [{ delta, finish_reason }] = event.value.choices
      if (!begun) {
        controller.enqueue({ type: 'response-metadata', ...metadataOf(event.value) })
        controller.enqueue({ type: 'text-start', id })
        begun = true
      }
      if (delta.content) controller.enqueue({ type: 'text-delta', id, delta: delta.content })
      if (finish_reason) finishReason = FINISH_REASONS[finish_reason]
    },
    flush(controller) {
      if (begun) controller.enqueue({ type: 'text-end', id })
      controller.enqueue({ type: 'finish', finishReason, usage: UNKNOWN_USAGE })
    },
  })
}
