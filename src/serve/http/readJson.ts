import { HttpError } from './httpError.js'

/**
 * The JSON body of a request.
 *
 * @throws HttpError 415, 413 or 400: another type than JSON, more than `maxBytes`, not JSON in UTF-8. Asking for the
 * type keeps web pages of other sites out: a browser sends it across sites only after asking, and is not allowed.
 */
export async function readJson(request: Request, maxBytes: number, signal: AbortSignal): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    throw new HttpError(415, 'CONTENT_TYPE', 'expected a body of type application/json')
  const bytes = await readBytes(request, maxBytes, signal)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new HttpError(400, 'JSON', `the body is not JSON: ${(cause as Error).message}`)
  }
}

async function readBytes({ body, headers }: Request, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const tooLarge = () => new HttpError(413, 'BODY_SIZE', `the body is larger than ${maxBytes} bytes`)
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  if (!body) return new Uint8Array()
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  // A cancelled reader's read ends; what cancelling itself comes to does not matter.
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return Buffer.concat(chunks)
      bytes += value.length
      if (bytes > maxBytes) throw tooLarge()
      chunks.push(value)
    }
  } catch (error) {
    cancel()
    // A connection that broke is an error of the stream and an abort as well; the abort has the better reason.
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
