import { randomUUID } from 'node:crypto'
import type { GeneratedText, TextOptions } from '../../tasks/textOptions.js'
import type { RawImage } from '../../image/decode.js'
import { ConfigError } from '../../errors.js'
import type { ServerSentEvent } from '../http/eventStream.js'
import { errorBody, httpErrorOf } from '../http/httpError.js'
import { chatOptions } from '../openai/chatOptions.js'
import { chatCompletion, chatRequestSchema } from '../openai/chatRequest.js'
import { type Conversation, conversationOf } from '../openai/conversation.js'
import type { Services } from '../services.js'
import { inferenceRoute } from './inferenceRoute.js'

type Messages = Conversation['messages']
type Options = Omit<TextOptions, 'signal'>

/** OpenAI's API, so that clients which speak it work: the picture comes as an image_url part. */
export function chatCompletionsRoute({ dispatcher, pictures, limits, modelName }: Services) {
  return inferenceRoute({
    path: '/v1/chat/completions',
    summary: "OpenAI's chat completions",
    description:
      'The conversation from the last picture on, in the template of the language model; a picture alone is described. The model sees one picture and reads no system messages. `usage` is not counted.',
    body: chatRequestSchema(limits),
    result: chatCompletion,
    streams: true,
    async answer(request, signal) {
      const { image, messages } = conversationOf(request.messages)
      const characters = messages.reduce((sum, { content }) => sum + content.length, 0)
      if (characters > limits.textCharacters)
        throw new ConfigError(`the conversation has ${characters} characters, more than ${limits.textCharacters}`)
      const options = chatOptions(request, limits)
      const picture = await pictures.read(image, signal)
      const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: modelName }
      if (request.stream)
        return { events: chunks(stream(picture, messages, options, signal), head), onError: errorEvent }
      const { alternatives = [], ...best } = await whole(picture, messages, options, signal)
      const choices = [best, ...alternatives].map(({ text, finishReason }, index) => ({
        index,
        message: { role: 'assistant', content: text, refusal: null },
        finish_reason: finishReasonOf(finishReason),
        logprobs: null,
      }))
      return { json: { ...head, object: 'chat.completion', choices } }
    },
  })

  async function whole(image: RawImage, messages: Messages, options: Options, signal: AbortSignal) {
    if (messages.length === 0) return (await dispatcher.run('caption', [{ image }], options, signal))[0]!
    return (await dispatcher.run('chat', [{ image, messages }], options, signal))[0]!
  }

  function stream(image: RawImage, messages: Messages, options: Options, signal: AbortSignal) {
    if (messages.length === 0) return dispatcher.stream('caption', { image }, options, signal)
    return dispatcher.stream('chat', { image, messages }, options, signal)
  }
}

type Head = { readonly id: string; readonly created: number; readonly model: string }

async function* chunks(
  pieces: AsyncGenerator<string, GeneratedText>,
  head: Head,
): AsyncGenerator<ServerSentEvent, void> {
  const chunk = (delta: object, finish: string | null = null): ServerSentEvent => {
    const choices = [{ index: 0, delta, finish_reason: finish, logprobs: null }]
    return { data: JSON.stringify({ ...head, object: 'chat.completion.chunk', choices }) }
  }
  let role: object = { role: 'assistant' }
  try {
    for (;;) {
      const step = await pieces.next()
      if (step.done) {
        yield chunk(role, finishReasonOf(step.value.finishReason))
        return yield { data: '[DONE]' }
      }
      yield chunk({ ...role, content: step.value })
      role = {}
    }
  } finally {
    await pieces.return(undefined as never)
  }
}

const finishReasonOf = (reason: GeneratedText['finishReason']) => (reason === 'filtered' ? 'content_filter' : reason)

const errorEvent = (error: unknown): ServerSentEvent => ({ data: JSON.stringify(errorBody(httpErrorOf(error))) })
