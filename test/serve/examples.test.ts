import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { APICallError, generateText, type LanguageModel, streamText, type UserContent } from 'ai'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { SHIPPED_MODEL } from '../../src/weights/shippedModel.js'
import { compiledPackage } from '../setup/compiledPackage.js'
import { jsonOf } from './testServer.js'

// Each example as a newcomer runs it: the compiled package, the model that ships, real pictures, a port.
const PICTURE = join(import.meta.dirname, '../../assets/demo/noto-v1-octopus.png')
const TOO_LARGE = 11 * 2 ** 20

let installed: string
let png: Buffer<ArrayBuffer>
let jpeg: Buffer
/** What the model writes about the two: with its own search, and greedily as in a stream. */
let expected: { readonly png: string; readonly jpeg: string; readonly streamed: string }
beforeAll(async () => {
  installed = await compiledPackage()
  png = await readFile(PICTURE)
  jpeg = await sharp(png).flatten({ background: '#fff' }).jpeg().toBuffer()
  await using model = await Blip2.fromPretrained(SHIPPED_MODEL)
  const [first, second] = await model.caption([png, jpeg])
  expected = {
    png: first!.text,
    jpeg: second!.text,
    streamed: (await model.caption(png, { numBeams: 1 })).text,
  }
})

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

interface Running {
  readonly url: string
  /** Stops it, and gives its exit code and what it wrote to stderr. */
  stop(): Promise<{ code: number | null; stderr: string }>
}

/** Runs a program of the package that prints its address. */
async function start(program: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const child = spawn(process.execPath, program, {
    cwd: installed,
    env: { ...process.env, BLIP2_MODEL: SHIPPED_MODEL, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  const stderr = textOf(child.stderr)
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    return { code: await exited, stderr: await stderr }
  }
  return { url, stop }
}

describe.each(['express', 'hono'])('an application of %s', (framework) => {
  it('captions pictures, says in JSON what is wrong, and stops when told', async () => {
    const { url, stop } = await start([join('examples', framework, 'server.mjs')])
    const send = (body: RequestInit['body'], init: RequestInit = {}) =>
      fetch(`${url}/caption`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: body ?? null, ...init })

    expect(await (await send(png)).json()).toEqual({ text: expected.png })
    const asJpeg = await send(new Uint8Array(jpeg), { headers: { 'content-type': 'image/jpeg' } })
    expect(await asJpeg.json()).toEqual({ text: expected.jpeg })

    const bad = await send('no picture')
    expect(bad.status).toBe(400)
    expect(await bad.json()).toEqual({ error: expect.stringMatching(/^cannot decode/) })
    const large = await send(new Uint8Array(TOO_LARGE))
    expect(large.status).toBe(413)
    expect(await large.json()).toEqual({ error: expect.stringContaining('too large') })

    const leaving = AbortSignal.timeout(3)
    await Promise.allSettled([1, 2, 3].map(() => send(png, { signal: leaving })))
    expect(await (await send(png)).json()).toEqual({ text: expected.png })
    // Neither of these was the server's failure.
    expect(await stop()).toEqual({ code: 0, stderr: '' })
  })
})

it('an application of Express refuses what does not say it is a picture', async () => {
  const { url } = await start([join('examples', 'express', 'server.mjs')])
  const response = await fetch(`${url}/caption`, { method: 'POST', body: 'hello' })
  expect(response.status).toBe(415)
  expect(await response.json()).toEqual({ error: expect.stringContaining('picture') })
})

it('a route handler of Next.js streams, refuses, is left, and tries again to open its model', async () => {
  const script = `
    import { POST } from './examples/next-route/route.mjs'
    import { readFile } from 'node:fs/promises'
    const png = await readFile(process.env.PICTURE)
    const send = (body, init) =>
      POST(new Request('http://localhost/api/caption', { method: 'POST', body, duplex: 'half', ...init }))
    const log = async (response) => console.log(JSON.stringify([response.status, await response.text()]))
    console.log('http://localhost')
    const model = process.env.BLIP2_MODEL
    process.env.BLIP2_MODEL = './nowhere'
    await log(await send(png))
    process.env.BLIP2_MODEL = model
    await log(await send(png))
    await log(await send('no picture'))
    await log(await send(new Blob([new Uint8Array(${TOO_LARGE})]).stream()))
    const leaving = new AbortController()
    const response = await send(png, { signal: leaving.signal })
    leaving.abort()
    console.log(await response.text().catch(({ name }) => name))
    const left = await send(png)
    await left.body.cancel()
    await log(await send(png))
    await (await globalThis.blip2Model).dispose()
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: installed,
    env: { ...process.env, BLIP2_MODEL: SHIPPED_MODEL, PICTURE },
  })
  started.push(child)
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  const [, ...lines] = stdout.trim().split('\n')
  const streamed = JSON.stringify([200, expected.streamed])
  expect(lines).toEqual([
    JSON.stringify([500, JSON.stringify({ error: 'the caption failed' })]),
    streamed,
    expect.stringMatching(/^\[400,"\{\\"error\\":\\"cannot decode/),
    JSON.stringify([413, JSON.stringify({ error: 'the picture is too large' })]),
    'AbortError',
    streamed,
  ])
  // Only the failure of the server itself is logged.
  expect(stderr).toMatch(/^ModelNotFoundError: no model in/)
  expect(stderr.match(/^\w*Error: /gm)).toHaveLength(1)
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

describe('a provider of the AI SDK', () => {
  type Provider = (modelId: string) => Exclude<LanguageModel, string>
  interface Settings {
    readonly baseURL: string
    readonly token?: string
    readonly fetch?: typeof fetch
  }
  let createBlip2: (settings: Settings) => Provider
  let server: Running
  let model: ReturnType<Provider>
  /** Statuses of the answers, in their order. */
  const statuses: number[] = []
  beforeAll(async () => {
    Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
    const module = new URL('../../examples/ai-sdk-provider/blip2Provider.mjs', import.meta.url).href
    ;({ createBlip2 } = (await import(module)) as { createBlip2: typeof createBlip2 })
    const flags = ['--model', SHIPPED_MODEL, '--port', '0', '--queue', '1']
    server = await start(['dist/cli/main.js', 'serve', ...flags], { BLIP2_TOKEN: 'secret' })
    // It lives as long as these tests.
    started.length = 0
    model = createBlip2({
      baseURL: server.url,
      token: 'secret',
      fetch: async (...request) => {
        const response = await fetch(...request)
        statuses.push(response.status)
        return response
      },
    })('emoji')
  })
  afterAll(async () => {
    expect(await server.stop()).toEqual({ code: 0, stderr: '' })
  })

  const user = (...content: Exclude<UserContent, string>) => [{ role: 'user' as const, content }]
  const image = () => ({ type: 'image' as const, image: png })
  const question = { type: 'text' as const, text: 'what is it?' }

  /** The server's own answer. */
  async function completed(content: readonly object[], settings: object = {}): Promise<string> {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
      body: JSON.stringify({ messages: [{ role: 'user', content }], ...settings }),
    })
    const { choices } = await jsonOf<{ choices: { message: { content: string } }[] }>(response)
    return choices[0]!.message.content
  }
  const asSent = (bytes = png) => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${bytes.toString('base64')}` },
  })

  it('describes a picture, and answers about it', async () => {
    const described = await generateText({ model, messages: user(image()) })
    expect(described.text).toBe(expected.png)
    expect(described.finishReason).toBe('stop')
    expect(described.response).toMatchObject({ id: expect.stringMatching(/^chatcmpl-/), modelId: 'emoji' })
    const answered = await generateText({ model, messages: user(image(), question), maxOutputTokens: 3 })
    expect(answered.text).toBe(await completed([asSent(), question], { max_tokens: 3 }))
    // As a file, by its data URL.
    const file = { type: 'file' as const, data: asSent().image_url.url, mediaType: 'image/png' }
    expect((await generateText({ model, messages: user(file) })).text).toBe(expected.png)
  })

  it('streams the text', async () => {
    const { textStream, finishReason } = streamText({ model, messages: user(image()) })
    const pieces = await all(textStream)
    expect(pieces.join('')).toBe(expected.streamed)
    expect(pieces.length).toBeGreaterThan(1)
    expect(await finishReason).toBe('stop')
  })

  it('warns of settings that have no meaning here', async () => {
    const { warnings } = await generateText({ model, system: 'be short', topK: 3, messages: user(image()) })
    expect(warnings).toEqual([
      { type: 'unsupported-setting', setting: 'topK' },
      { type: 'other', message: 'BLIP-2 reads no system message' },
    ])
  })

  it('passes on what is wrong with a request, and does not repeat it', async () => {
    const broken = user({ type: 'image', image: Buffer.from('no picture'), mediaType: 'image/png' }, question)
    statuses.length = 0
    const failure = await generateText({ model, messages: broken }).catch((error: unknown) => error)
    expect(statuses).toEqual([400])
    expect(APICallError.isInstance(failure)).toBe(true)
    expect(failure).toMatchObject({ statusCode: 400, message: expect.stringMatching(/^cannot decode/) })
    const errors: unknown[] = []
    const { fullStream } = streamText({ model, messages: broken, onError: ({ error }) => void errors.push(error) })
    expect((await all(fullStream)).map(({ type }) => type)).toContain('error')
    expect(errors).toMatchObject([{ statusCode: 400 }])
    const sound = user({ type: 'file', data: Buffer.from('no picture'), mediaType: 'audio/wav' }, question)
    await expect(generateText({ model, messages: sound })).rejects.toThrow(/files of type audio\/wav/)
  })

  it('comes again where the server was busy', async () => {
    statuses.length = 0
    const messages = user(image())
    const texts = await Promise.all([1, 2].map(async () => (await generateText({ model, messages })).text))
    expect(texts).toEqual([expected.png, expected.png])
    expect(statuses.toSorted()).toEqual([200, 200, 429])
  })

  it('stops when it is told, and the server with it', async () => {
    const leaving = new AbortController()
    const { fullStream } = streamText({ model, messages: user(image()), abortSignal: leaving.signal })
    const types: string[] = []
    for await (const { type } of fullStream) {
      types.push(type)
      if (type === 'text-delta') leaving.abort()
    }
    expect(types.at(-1)).toBe('abort')
    const signal = AbortSignal.abort()
    await expect(generateText({ model, messages: user(image()), abortSignal: signal })).rejects.toThrow(/abort/)
    // There is room for one request, so the one that was given up is over.
    statuses.length = 0
    await generateText({ model, messages: user(image()), maxRetries: 0 })
    expect(statuses).toEqual([200])
  })

  it('says so where there is no right to ask, or no server', async () => {
    const messages = user(image())
    const stranger = createBlip2({ baseURL: server.url })('emoji')
    await expect(generateText({ model: stranger, messages })).rejects.toMatchObject({ statusCode: 401 })
    const nobody = createBlip2({ baseURL: 'http://127.0.0.1:9' })('emoji')
    await expect(generateText({ model: nobody, messages, maxRetries: 0 })).rejects.toThrow(/Cannot connect/)
  })
})
