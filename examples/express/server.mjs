// Captions in an Express application, with the model in a thread of this process.
//   npm install express blip2 && node server.mjs
//   curl --data-binary @photo.jpg -H 'content-type: image/jpeg' localhost:3000/caption
import { Blip2Thread, ImageError } from 'blip2'
import express from 'express'

// Opened once: a model takes seconds to open and its memory is not small.
const model = await Blip2Thread.fromPretrained(process.env.BLIP2_MODEL ?? 'models/emoji')
const app = express()

app.post('/caption', express.raw({ type: 'image/*', limit: '10mb' }), async (request, response) => {
  if (!Buffer.isBuffer(request.body)) return response.status(415).json({ error: 'send a picture, as image/jpeg or so' })
  // A client that goes away stops the work for it.
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const { text } = await model.caption(request.body, { signal: gone.signal })
  response.json({ text })
})

// Express knows this function by its four parameters.
app.use((error, _request, response, _next) => {
  // Nobody is there any more to be told.
  if (response.destroyed) return
  const status = statusOf(error)
  if (status === 500) console.error(error)
  response.status(status).json({ error: status === 500 ? 'the caption failed' : error.message })
})

/** What is wrong with the picture or the request is the client's to know. */
function statusOf(error) {
  if (error instanceof ImageError) return 400
  // Express's own, such as a body that is too large.
  return error.expose ? error.status : 500
}

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${server.address().port}`)
})

process.once('SIGTERM', () => server.close(() => model.dispose()))
