// Captions in an application of Hono, with the model in a thread of this process.
//   npm install hono @hono/node-server blip2 && node server.mjs
//   curl --data-binary @photo.jpg -H 'content-type: image/jpeg' localhost:3000/caption
import { serve } from '@hono/node-server'
import { Blip2Thread, ImageError } from 'blip2'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'

// Opened once: a model takes seconds to open and its memory is not small.
const model = await Blip2Thread.fromPretrained(process.env.BLIP2_MODEL ?? 'models/emoji')
const app = new Hono()

const limit = bodyLimit({
  maxSize: 10 * 2 ** 20,
  onError: (context) => context.json({ error: 'the picture is too large' }, 413),
})

app.post('/caption', limit, async (context) => {
  const picture = new Uint8Array(await context.req.arrayBuffer())
  // A client that goes away stops the work for it.
  const { text } = await model.caption(picture, { signal: context.req.raw.signal })
  return context.json({ text })
})

app.onError((error, context) => {
  // What is wrong with the picture is the client's to know.
  if (error instanceof ImageError) return context.json({ error: error.message }, 400)
  // Where the client went away, nothing failed.
  if (!context.req.raw.signal.aborted) console.error(error)
  return context.json({ error: 'the caption failed' }, 500)
})

const settings = { fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }
const server = serve(settings, ({ port }) => console.log(`http://127.0.0.1:${port}`))

process.once('SIGTERM', () => server.close(() => model.dispose()))
