import type { z } from 'zod'
import type { ServerSentEvent } from '../http/eventStream.js'

/** What a route answers: JSON, or a stream of events. */
export type Reply =
  | { readonly json: unknown }
  | { readonly events: AsyncGenerator<ServerSentEvent, void>; readonly onError: (error: unknown) => ServerSentEvent }

/** A POST route that has the model work: its body is JSON, its place in the queue and its time are bounded. */
export interface InferenceRoute {
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly body: z.ZodType
  readonly result: z.ZodType
  /** Whether `stream: true` gives events. */
  readonly streams: boolean
  /** @param body As the schema gives it. */
  readonly answer: (body: unknown, signal: AbortSignal) => Promise<Reply>
}

/** A route whose handler takes what its schema gives. */
export function inferenceRoute<Body extends z.ZodType>(
  route: Omit<InferenceRoute, 'body' | 'answer' | 'streams'> & {
    readonly body: Body
    readonly streams?: true
    readonly answer: (body: z.output<Body>, signal: AbortSignal) => Promise<Reply>
  },
): InferenceRoute {
  return {
    ...route,
    streams: route.streams ?? false,
    answer: (body, signal) => route.answer(body as z.output<Body>, signal),
  }
}
