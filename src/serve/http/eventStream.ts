/** One message of a stream of server-sent events; a comment only keeps the connection open. */
export type ServerSentEvent = { readonly event?: string; readonly data: string } | { readonly comment: string }

export interface EventStreamOptions {
  /** The first event, where it was waited for already. */
  readonly first?: IteratorResult<ServerSentEvent, void>
  /** The message that stands for an error, the last of the stream. */
  readonly onError: (error: unknown) => ServerSentEvent
  /** The client left before the end. */
  readonly onLeave?: () => void
  /** Called once, whatever the end. */
  readonly onEnd?: () => void
}

/** A response of server-sent events, as they come; nothing is asked of `events` before somebody reads. */
export function eventStream(events: AsyncGenerator<ServerSentEvent, void>, options: EventStreamOptions): Response {
  const { onError, onLeave, onEnd } = options
  const encoder = new TextEncoder()
  let { first } = options
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const step = first ?? (await events.next())
          first = undefined
          if (!step.done) return controller.enqueue(encoder.encode(format(step.value)))
        } catch (error) {
          controller.enqueue(encoder.encode(format(onError(error))))
        }
        controller.close()
        onEnd?.()
      },
      async cancel() {
        onLeave?.()
        onEnd?.()
        await events.return()
      },
    },
    { highWaterMark: 0 },
  )
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
  return new Response(body, { headers })
}

function format(event: ServerSentEvent): string {
  if ('comment' in event) return `: ${event.comment}\n\n`
  const name = event.event === undefined ? '' : `event: ${event.event}\n`
  return `${name}data: ${event.data}\n\n`
}
