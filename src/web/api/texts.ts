import { stream, type Text } from './client.js'

export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** A caption in pieces; returns the whole. */
export async function* streamCaption(body: object, signal: AbortSignal): AsyncGenerator<string, Text> {
  for await (const { event, data } of stream('/v1/caption', { ...body, stream: true }, signal)) {
    if (event === 'result') return data as Text
    yield (data as { text: string }).text
  }
  throw new Error('the stream ended before the caption did')
}

/** The answer to the last turn of a conversation about a picture, in pieces. */
export async function* streamAnswer(
  image: string,
  turns: readonly Turn[],
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const [first, ...others] = turns
  const content = [
    { type: 'image_url', image_url: { url: image } },
    { type: 'text', text: first!.content },
  ]
  const body = { model: 'blip2', stream: true, messages: [{ role: 'user', content }, ...others] }
  for await (const { data } of stream('/v1/chat/completions', body, signal)) {
    const piece = (data as Chunk).choices[0]?.delta.content
    if (piece) yield piece
  }
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[]
}
