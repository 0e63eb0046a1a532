// Captions in an Express application, with the model in a thread of this process.
//   npm install express blip2 && node server.mjs
//   curl --data-binary @photo.jpg -H 'content-type: image/jpeg' localhost:3000/caption
import { Blip2Error, Blip2Thread } from 'blip2'
import express from 'express'

// Opened once: a model takes seconds to open and its memory is not small.
const model = await Blip2Thread.fromPretrained(process.env.BLIP2_MODEL ?? 'models/emoji')
const app = express()

app.post('/caption', express.raw({ type: 'image/*', limit: '10mb' }), async (request, response) => {
  if (!Buffer.isBuffer(request.body)) return response.status(415).json({ error: 'expected the bytes of a picture' })
  // A client that goes away stops the work for it.
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  try {
    const { text } = await model.caption(request.body, { signal: gone.signal })
    response.json({ text })
  } catch (error) {
    if (gone.signal.aborted) return
    // What is wrong with the picture or the options is the client's to know.
    const known = error instanceof Blip2Error && ['IMAGE', 'CONFIG'].includes(error.code)
    response.status(known ? 400 : 500).json({ error: known ? error.message : 'the caption failed' })
  }
})

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})

process.once('SIGTERM', () => server.close(() => model.dispose()))
