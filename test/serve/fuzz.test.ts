import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataUrl, listen, openTinyModel, type TestApp, type TinyModel, testApp } from './testServer.js'

let tiny: TinyModel
let server: TestApp
let picture: string
beforeAll(async () => {
  tiny = await openTinyModel()
  server = await testApp(tiny.model, { limits: { newTokens: 8, beams: 2, batch: 2, texts: 4, bodyBytes: 5000 } })
  picture = await dataUrl('#f00')
})
afterAll(() => tiny.dispose())

const runs = { numRuns: 60 }
const isRefusal = (status: number) => status >= 400 && status < 500

/** A body of each route that is right. */
const BODIES: Readonly<Record<string, (image: string) => Record<string, unknown>>> = {
  '/v1/caption': (image) => ({ image, numBeams: 1, maxNewTokens: 2, stop: ['x'] }),
  '/v1/ask': (image) => ({ image, question: 'what?', numBeams: 1, maxNewTokens: 2, template: '{}' }),
  '/v1/match': (image) => ({ image, texts: ['octopus'] }),
  '/v1/embed': (image) => ({ image, text: 'octopus' }),
  '/v1/search': (image) => ({ image, texts: ['octopus', 'hot dog'], top: 1, rerank: 2 }),
  '/v1/attention': (image) => ({ image, text: 'octopus', layer: 0 }),
  '/v1/chat/completions': (url) => ({
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    max_tokens: 2,
    temperature: 0,
    stop: 'x',
  }),
}
const paths = Object.keys(BODIES)

describe.each(paths)('%s', (path) => {
  const send = (body: Uint8Array | string) =>
    server.app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body as NonNullable<RequestInit['body']>,
    })

  it('takes a right body', async () => {
    expect((await send(JSON.stringify(BODIES[path]!(picture)))).status).toBe(200)
  })

  it('answers 4xx to any bytes', async () => {
    const property = async (bytes: Uint8Array) => {
      expect((await send(bytes)).status).toSatisfy(isRefusal)
    }
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 6000 }), property), runs)
  })

  it('answers 4xx to any JSON', async () => {
    const property = async (value: unknown) => {
      expect((await send(JSON.stringify(value))).status).toSatisfy(isRefusal)
    }
    await fc.assert(fc.asyncProperty(fc.jsonValue(), property), runs)
  })

  it('answers 4xx to any bytes for a picture', async () => {
    const property = async (bytes: Uint8Array) => {
      const image = `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`
      expect((await send(JSON.stringify(BODIES[path]!(image)))).status).toSatisfy(isRefusal)
    }
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), property), runs)
  })

  it('answers 4xx to a picture that was damaged or cut, or reads what is left of it', async () => {
    const whole = Buffer.from(picture.slice(picture.indexOf(',') + 1), 'base64')
    const property = async (at: number, value: number, length: number) => {
      const bytes = Buffer.from(whole.subarray(0, length))
      if (at < bytes.length) bytes[at] = value
      const image = `data:image/png;base64,${bytes.toString('base64')}`
      const { status } = await send(JSON.stringify(BODIES[path]!(image)))
      expect(status === 200 || isRefusal(status)).toBe(true)
    }
    const position = fc.nat(whole.length - 1)
    await fc.assert(fc.asyncProperty(position, fc.nat(255), fc.integer({ min: 1, max: whole.length }), property), runs)
  })

  it('never fails at a body of which a field is anything', async () => {
    const body = BODIES[path]!(picture)
    const property = async (field: string, value: unknown) => {
      const { status } = await send(JSON.stringify({ ...body, [field]: value }))
      expect(status === 200 || isRefusal(status)).toBe(true)
    }
    await fc.assert(fc.asyncProperty(fc.constantFrom(...Object.keys(body)), fc.jsonValue(), property), runs)
    expect(server.logged).toEqual([])
  })
})

it('never fails at any path, method and header', async () => {
  const path = fc.oneof(
    fc.webPath(),
    fc.string().map((text) => `/v1/runs/${encodeURIComponent(text)}/events`),
    fc.string().map((text) => `/v1/pictures/${encodeURIComponent(text)}`),
    fc.constantFrom(...paths, '/healthz', '/metrics', '/v1/info', '/v1/models', '/v1/runs', '/openapi.json'),
  )
  const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST')
  const property = async (where: string, how: string, text: string) => {
    const headers = { authorization: encodeURIComponent(text), 'content-type': encodeURIComponent(text) }
    const { status } = await server.app.request(where.startsWith('/') ? where : `/${where}`, { method: how, headers })
    expect(status).toBeLessThan(500)
  }
  await fc.assert(fc.asyncProperty(path, method, fc.string(), property), { numRuns: 300 })
  expect(server.logged).toEqual([])
})

it('outlives any bytes on its port', async () => {
  const { url, close } = await listen(server.app)
  const send = (bytes: Uint8Array) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.end(bytes))
      socket.on('data', (data) => {
        answer += data.toString('latin1')
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })
  const start = fc.constantFrom('', 'GET ', 'GET / HTTP/1.1\r\n', 'POST /v1/caption HTTP/1.1\r\nhost: localhost\r\n')
  const property = async (text: string, bytes: Uint8Array) => {
    const answer = await send(Buffer.concat([Buffer.from(text), bytes, Buffer.from('\r\n\r\n')]))
    if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
  }
  await fc.assert(fc.asyncProperty(start, fc.uint8Array({ maxLength: 100 }), property), runs)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  await close()
})
