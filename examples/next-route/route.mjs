// A route handler of Next.js: app/api/caption/route.js. The text comes as it is written.
//   curl -N --data-binary @photo.jpg -H 'content-type: image/jpeg' localhost:3000/api/caption
// In next.config.js: export default { serverExternalPackages: ['blip2'] }, since it has native parts.
import { Blip2Error, Blip2Thread } from 'blip2'

// Not at the edge: the model runs in Node.
export const runtime = 'nodejs'

const MAX_BYTES = 10 * 2 ** 20

/** In a thread of its own, opened at the first request; kept when development reloads this module. */
const open = () => (globalThis.blip2Model ??= Blip2Thread.fromPretrained(process.env.BLIP2_MODEL ?? 'models/emoji'))

export async function POST(request) {
  const picture = new Uint8Array(await request.arrayBuffer())
  if (picture.length > MAX_BYTES) return Response.json({ error: 'the picture is too large' }, { status: 413 })
  const model = await open()
  const pieces = model.caption.stream(picture, { signal: request.signal })
  try {
    // The first piece is waited for, so that a picture that cannot be read is answered with a status.
    const first = await pieces.next()
    return new Response(textStream(first, pieces), { headers: { 'content-type': 'text/plain; charset=utf-8' } })
  } catch (error) {
    const known = error instanceof Blip2Error && ['IMAGE', 'CONFIG'].includes(error.code)
    return Response.json({ error: known ? error.message : 'the caption failed' }, { status: known ? 400 : 500 })
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
