export interface ServerSentEvent {
  readonly event: string
  readonly data: string
}

/** Server-sent events of a response's body; EventSource itself can neither POST nor send a token. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      const blocks = (rest + value).split(/\r?\n\r?\n/)
      rest = blocks.pop()!
      for (const block of blocks) {
        const event = parse(block)
        if (event) yield event
      }
    }
  } finally {
    // Leaving a stream closes its connection, which stops the server's work.
    await reader.cancel()
  }
}

/** Undefined for a block of comments. */
function parse(block: string): ServerSentEvent | undefined {
  const data: string[] = []
  let event = 'message'
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
  }
  return data.length > 0 ? { event, data: data.join('\n') } : undefined
}
