import { request } from 'node:http'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { dataUrl, gated, listen, openTinyModel, png, type TinyModel, testApp, until } from './testServer.js'

let tiny: TinyModel
let red: string
beforeAll(async () => {
  tiny = await openTinyModel()
  red = await dataUrl('#f00')
})
afterAll(() => tiny.dispose())

const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code

it('answers 429 with Retry-After when full, and goes on after', async () => {
  const gate = gated(tiny.model)
  const { post, services } = await testApp(gate.model, { limits: { requests: 2 } })
  const under = [post('/v1/caption', { image: red }), post('/v1/caption', { image: red })]
  await until(() => services.admission.inside === 2)
  const refused = await post('/v1/caption', { image: red })
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(await codeOf(refused)).toBe('QUEUE_FULL')
  gate.release()
  expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200])
  expect((await post('/v1/caption', { image: red })).status).toBe(200)
  expect(services.scopes.size).toBe(0)
})

it('gives up a request after its time, streamed or not', async () => {
  const gate = gated(tiny.model)
  const { post, services } = await testApp(gate.model, { limits: { timeMs: 600 } })
  for (const stream of [false, true]) {
    const response = await post('/v1/caption', { image: red, stream })
    expect(response.status).toBe(504)
    expect(await codeOf(response)).toBe('TIMEOUT')
  }
  expect(gate.stopped()).toBe(2)
  expect(services.admission.inside).toBe(0)
})

it('stops working for a client that goes away: waiting, running, or streaming', async () => {
  const gate = gated(tiny.model)
  const { app, services } = await testApp(gate.model)
  const { url, close } = await listen(app)
  const init = (stream: boolean) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: red, stream }),
  })
  for (const stream of [false, true]) {
    const started = gate.started()
    const controller = new AbortController()
    const answer = fetch(`${url}/v1/caption`, { ...init(stream), signal: controller.signal })
    await until(() => gate.started() > started)
    controller.abort()
    await expect(answer).rejects.toThrow()
    await until(() => services.admission.inside === 0)
  }
  expect(gate.stopped()).toBe(2)
  gate.release()
  // Between two pieces.
  const controller = new AbortController()
  const long = { image: red, stream: true, minNewTokens: 100, maxNewTokens: 100 }
  const response = await fetch(`${url}/v1/caption`, {
    ...init(true),
    body: JSON.stringify(long),
    signal: controller.signal,
  })
  const reader = response.body!.getReader()
  await reader.read()
  expect(services.admission.inside).toBe(1)
  controller.abort()
  await until(() => services.admission.inside === 0)
  expect(services.scopes.size).toBe(0)
  await close()
})

it('bounds bytes, pixels, batch, texts and lengths', async () => {
  const { post } = await testApp(tiny.model, {
    limits: { bodyBytes: 20_000, pixels: 1000, batch: 2, texts: 2, textCharacters: 20, newTokens: 8, beams: 2 },
  })
  const status = async (path: string, body: object) => (await post(path, body)).status
  expect(await status('/v1/caption', { image: red })).toBe(200)
  expect(await status('/v1/caption', { image: 'x'.repeat(20_000) })).toBe(413)
  const large = await post('/v1/caption', { image: await dataUrl('#f00', 40) })
  expect(large.status).toBe(400)
  expect(await large.text()).toContain('a picture of 40 x 40 has more than 0.001 million pixels')
  expect(await status('/v1/caption', { image: [red, red, red] })).toBe(400)
  expect(await status('/v1/match', { image: red, texts: ['a', 'b', 'c'] })).toBe(400)
  expect(await status('/v1/ask', { image: red, question: 'x'.repeat(21) })).toBe(400)
  expect(await status('/v1/caption', { image: red, maxNewTokens: 9 })).toBe(400)
  expect(await status('/v1/caption', { image: red, numBeams: 3 })).toBe(400)
})

it('counts the bytes of a body that does not say its length', async () => {
  const { app } = await testApp(tiny.model, { limits: { bodyBytes: 1000 } })
  const { url, close } = await listen(app)
  const status = await new Promise<number>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    const sent = request(`${url}/v1/caption`, { method: 'POST', headers }, (response) => resolve(response.statusCode!))
    sent.on('error', reject)
    sent.write(`{"image":"${'x'.repeat(2000)}`)
  })
  expect(status).toBe(413)
  await close()
})

it('takes JSON alone, so that pages of other sites cannot send without asking', async () => {
  const { post } = await testApp(tiny.model)
  const headers = { 'content-type': 'text/plain' }
  expect((await post('/v1/caption', { image: red }, { headers })).status).toBe(415)
})

it.each(['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const)('takes %s', async (format) => {
  const { post } = await testApp(tiny.model)
  const bytes = await sharp(await png('#f00'))
    .toFormat(format)
    .toBuffer()
  const image = `data:image/${format};base64,${bytes.toString('base64')}`
  expect((await post('/v1/embed', { image })).status).toBe(200)
})

it('takes no SVG, which is a program', async () => {
  const { post } = await testApp(tiny.model)
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
  const image = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
  const response = await post('/v1/caption', { image })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('expected JPEG, PNG, WebP, GIF, AVIF or TIFF')
})

it('opens addresses where it is allowed to', async () => {
  const picture = await png('#f00')
  const { createServer } = await import('node:http')
  const files = createServer((_, response) => response.end(picture))
  await new Promise<void>((listening) => files.listen(0, '127.0.0.1', listening))
  const image = `http://127.0.0.1:${(files.address() as { port: number }).port}/a.png`
  const closed = await testApp(tiny.model)
  expect(await (await closed.post('/v1/caption', { image })).text()).toContain('does not open addresses')
  const wary = await testApp(tiny.model, { reader: { allowAddresses: true } })
  expect(await (await wary.post('/v1/caption', { image })).text()).toContain('not an address of the public internet')
  const network = { isAllowed: () => true }
  const open = await testApp(tiny.model, { reader: { allowAddresses: true, network } })
  expect(await (await open.post('/v1/caption', { image })).json()).toEqual(
    await (await closed.post('/v1/caption', { image: red })).json(),
  )
  files.closeAllConnections()
  files.close()
})
