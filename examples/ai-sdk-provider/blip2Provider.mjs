// BLIP-2 as a language model of the Vercel AI SDK (version 2 of its provider interface), over `blip2 serve`.
//   const blip2 = createBlip2({ baseURL: 'http://127.0.0.1:8080' })
//   const { text } = await generateText({ model: blip2('emoji'), messages: [{ role: 'user', content: [
//     { type: 'file', mediaType: 'image/png', data: await readFile('photo.png') },
//     { type: 'text', text: 'what is this?' },
//   ] }] })
// A picture without words is described; with words, the question is answered.

/** @param {{ baseURL?: string, token?: string, fetch?: typeof fetch }} settings */
export function createBlip2({ baseURL = 'http://127.0.0.1:8080', token, fetch: send = fetch } = {}) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }

  async function complete(options, stream) {
    const body = JSON.stringify({ ...requestOf(options), stream })
    const url = `${baseURL}/v1/chat/completions`
    const response = await send(url, {
      method: 'POST',
      headers: { ...headers, ...options.headers },
      body,
      ...(options.abortSignal ? { signal: options.abortSignal } : {}),
    })
    if (response.ok) return response
    const { error } = await response.json()
    throw new Error(`blip2 answered ${response.status}: ${error.message}`)
  }

  return (modelId) => ({
    specificationVersion: 'v2',
    provider: 'blip2',
    modelId,
    supportedUrls: {},

    async doGenerate(options) {
      const { choices } = await (await complete(options, false)).json()
      const [{ message, finish_reason }] = choices
      return {
        content: [{ type: 'text', text: message.content }],
        finishReason: FINISH_REASONS[finish_reason],
        usage: UNKNOWN_USAGE,
        warnings: warningsOf(options),
      }
    },

    async doStream(options) {
      const response = await complete(options, true)
      return { stream: response.body.pipeThrough(new TextDecoderStream()).pipeThrough(partsOf(options)) }
    },
  })
}

const UNKNOWN_USAGE = { inputTokens: undefined, outputTokens: undefined, totalTokens: undefined }
const FINISH_REASONS = { stop: 'stop', length: 'length', content_filter: 'content-filter' }

function requestOf({ prompt, maxOutputTokens, temperature, topP, seed, stopSequences }) {
  return {
    messages: prompt.filter(({ role }) => role !== 'tool').map(messageOf),
    max_tokens: maxOutputTokens,
    temperature,
    top_p: topP,
    seed,
    stop: stopSequences,
  }
}

function messageOf({ role, content }) {
  if (typeof content === 'string') return { role, content }
  return { role, content: content.flatMap(partOf) }
}

function partOf(part) {
  if (part.type === 'text') return [{ type: 'text', text: part.text }]
  if (part.type !== 'file' || !part.mediaType.startsWith('image/')) return []
  return [{ type: 'image_url', image_url: { url: urlOf(part) } }]
}

function urlOf({ data, mediaType }) {
  if (data instanceof URL) return data.href
  const base64 = typeof data === 'string' ? data : Buffer.from(data).toString('base64')
  return `data:${mediaType === 'image/*' ? 'image/png' : mediaType};base64,${base64}`
}

/** What the model has no use for. */
function warningsOf({ tools, responseFormat, prompt }) {
  return [
    ...(tools?.length ? [{ type: 'other', message: 'BLIP-2 calls no tools' }] : []),
    ...(responseFormat?.type === 'json' ? [{ type: 'unsupported-setting', setting: 'responseFormat' }] : []),
    ...(prompt.some(({ role }) => role === 'system')
      ? [{ type: 'other', message: 'BLIP-2 reads no system message' }]
      : []),
  ]
}

/** Server-sent events of chat completions -> parts of a stream of the AI SDK. */
function partsOf(options) {
  const id = '0'
  let buffered = ''
  let finishReason = 'unknown'
  return new TransformStream({
    start(controller) {
      controller.enqueue({ type: 'stream-start', warnings: warningsOf(options) })
      controller.enqueue({ type: 'text-start', id })
    },
    transform(chunk, controller) {
      const events = (buffered + chunk).split('\n\n')
      buffered = events.pop()
      for (const event of events) {
        const data = event.replace(/^data: /, '')
        if (data === '[DONE]') continue
        const { error, choices } = JSON.parse(data)
        if (error) {
          controller.enqueue({ type: 'error', error: new Error(error.message) })
          continue
        }
        const [{ delta, finish_reason }] = choices
        if (delta.content) controller.enqueue({ type: 'text-delta', id, delta: delta.content })
        if (finish_reason) finishReason = FINISH_REASONS[finish_reason]
      }
    },
    flush(controller) {
      controller.enqueue({ type: 'text-end', id })
      controller.enqueue({ type: 'finish', finishReason, usage: UNKNOWN_USAGE })
    },
  })
}
