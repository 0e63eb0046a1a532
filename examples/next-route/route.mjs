// A route handler of Next.js: app/api/caption/route.js. The text comes as it is written.
//   curl -N --data-binary @photo.jpg -H 'content-type: image/jpeg' localhost:3000/api/caption
// In next.config.js: export default { serverExternalPackages: ['blip2'] }, since it has native parts.
import { Blip2Thread, ImageError } from 'blip2'

// Not at the edge: the model runs in Node.
export const runtime = 'nodejs'

const MAX_BYTES = 10 * 2 ** 20

export async function POST(request) {
  const picture = await bytesOf(request)
  if (!picture) return Response.json({ error: 'the picture is too large' }, { status: 413 })
  try {
    const model = await open()
    const pieces = model.caption.stream(picture, { signal: request.signal })
    // The first piece is waited for, so that a picture that cannot be read is answered with a status.
    const first = await pieces.next()
    return new Response(textStream(first, pieces), { headers: { 'content-type': 'text/plain; charset=utf-8' } })
  } catch (error) {
    // What is wrong with the picture is the client's to know.
    if (error instanceof ImageError) return Response.json({ error: error.message }, { status: 400 })
    // Where the client went away, nothing failed.
    if (!request.signal.aborted) console.error(error)
    return Response.json({ error: 'the caption failed' }, { status: 500 })
  }
}

/** The body, or undefined where it is too large, of which no more is read then. */
async function bytesOf(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** In a thread of its own, opened at the first request; kept when development reloads this module. */
async function open() {
  globalThis.blip2Model ??= Blip2Thread.fromPretrained(process.env.BLIP2_MODEL ?? 'models/emoji')
  try {
    return await globalThis.blip2Model
  } catch (error) {
    // The next request tries again.
    globalThis.blip2Model = undefined
    throw error
  }
}

function textStream(first, pieces) {
  const encoder = new TextEncoder()
  let step = first
  return new ReadableStream({
    async pull(controller) {
      if (step.done) return controller.close()
      controller.enqueue(encoder.encode(step.value))
      step = await pieces.next()
    },
    cancel: () => pieces.return(),
  })
}
