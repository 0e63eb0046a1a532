import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Blip2, PictureIndex, queryMaps } from '../../src/index.js'
import { Blip2Model } from '../../src/serve/inference/blip2Model.js'
import { dataUrl, jsonOf, openTinyModel, readEvents, type TestApp, type TinyModel, testApp } from './testServer.js'

let tiny: TinyModel
let blip2: Blip2
let server: TestApp
let red: string
let green: string
beforeAll(async () => {
  tiny = await openTinyModel()
  blip2 = await Blip2.fromPretrained(tiny.directory)
  server = await testApp(tiny.model)
  ;[red, green] = [await dataUrl('#f00'), await dataUrl('#0f0')]
})
afterAll(async () => {
  await blip2.dispose()
  await tiny.dispose()
})

const bytesOf = (url: string) => Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')

async function answer(path: string, body: unknown): Promise<unknown> {
  const response = await server.post(path, body)
  const json = await response.json()
  expect(response.status, JSON.stringify(json)).toBe(200)
  return json
}

describe('/v1/caption', () => {
  it('describes one picture, or several', async () => {
    const [first, second] = await blip2.caption([bytesOf(red), bytesOf(green)])
    expect(await answer('/v1/caption', { image: red })).toEqual(first)
    expect(await answer('/v1/caption', { image: [red, green] })).toEqual([first, second])
  })

  it('follows the generation options', async () => {
    const options = { numBeams: 3, numReturnSequences: 2, maxNewTokens: 4, lengthPenalty: 0, prompt: 'red' }
    const expected = await blip2.caption(bytesOf(red), options)
    expect(await answer('/v1/caption', { image: red, ...options })).toEqual(expected)
    expect(await answer('/v1/caption', { image: red, preset: 'lavis' })).toEqual(
      await blip2.caption(bytesOf(red), { preset: 'lavis' }),
    )
  })

  it('gives the candidate that fits best, with how well it does', async () => {
    const options = { candidates: 3, numReturnSequences: 2, earlyStopping: 'never' } as const
    const expected = await blip2.caption(bytesOf(red), options)
    expect(expected.match).toEqual({ itm: expect.any(Number), itc: expect.any(Number) })
    expect(await answer('/v1/caption', { image: red, ...options })).toEqual(expected)
    expect((await server.post('/v1/caption', { image: red, candidates: 3, stream: true })).status).toBe(400)
    expect((await server.post('/v1/caption', { image: red, candidates: 1000 })).status).toBe(400)
  })

  it('streams pieces that join to the text', async () => {
    const response = await server.post('/v1/caption', { image: red, stream: true })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = await readEvents(response)
    const expected = await blip2.caption(bytesOf(red), { numBeams: 1 })
    const pieces = events.filter(({ event }) => event === 'piece').map(({ data }) => (data as { text: string }).text)
    expect(pieces.join('')).toBe(expected.text)
    expect(events.at(-1)).toEqual({ event: 'result', data: expected })
  })

  it('refuses a stream of beams or of several with a status', async () => {
    expect((await server.post('/v1/caption', { image: red, stream: true, numBeams: 3 })).status).toBe(400)
    expect((await server.post('/v1/caption', { image: [red], stream: true })).status).toBe(400)
    expect(server.services.admission.inside).toBe(0)
  })

  it('says which picture cannot be read', async () => {
    const response = await server.post('/v1/caption', { image: [red, 'data:image/png;base64,AAAA'] })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { code: 'IMAGE', message: expect.stringMatching(/^picture 1: cannot decode/) },
    })
  })
})

describe('/v1/ask', () => {
  it('answers one question, several, and one about several', async () => {
    const one = await blip2.ask(bytesOf(red), 'what is it?')
    const two = await blip2.ask(bytesOf(red), 'which color?')
    expect(await answer('/v1/ask', { image: red, question: 'what is it?' })).toEqual(one)
    const several = (await answer('/v1/ask', { image: red, question: ['what is it?', 'which color?'] })) as object[]
    expect(several).toMatchObject([{ text: one.text }, { text: two.text }])
    expect(await answer('/v1/ask', { image: [red, green], question: 'what is it?' })).toMatchObject([
      { text: one.text },
      {},
    ])
    const refused = await server.post('/v1/ask', { image: [red, green], question: ['a', 'b', 'c'] })
    expect(refused.status).toBe(400)
  })

  it('streams', async () => {
    const events = await readEvents(await server.post('/v1/ask', { image: red, question: 'what?', stream: true }))
    expect(events.at(-1)!.data).toEqual(await blip2.ask(bytesOf(red), 'what?', { numBeams: 1 }))
  })
})

it('/v1/match gives both scores in the order of the texts', async () => {
  const texts = ['red car', 'octopus', 'hot dog']
  const expected = await blip2.match(bytesOf(red), texts)
  const { matches } = (await answer('/v1/match', { image: red, texts })) as { matches: Record<string, number>[] }
  expect(matches.map(({ text }) => text)).toEqual(texts)
  matches.forEach(({ itm, itc }, i) => {
    expect(itm).toBeCloseTo(expected[i]!.itm, 5)
    expect(itc).toBeCloseTo(expected[i]!.itc, 5)
  })
})

it('/v1/embed gives vectors of pictures, texts, and both', async () => {
  const image = await blip2.embedImage(bytesOf(red))
  const ofImage = (await answer('/v1/embed', { image: red })) as { vectors: number[][] }
  expect(ofImage.vectors).toHaveLength(3)
  expect(ofImage.vectors.flat()).toEqual(Array.from(image))
  const text = await blip2.embedText('octopus')
  expect(await answer('/v1/embed', { text: 'octopus' })).toEqual({ vectors: [Array.from(text)] })
  expect(await answer('/v1/embed', { text: ['octopus', 'red car'] })).toHaveLength(2)
  const both = (await answer('/v1/embed', { image: red, text: ['octopus', 'red car'] })) as { vectors: number[][] }[]
  expect(both).toHaveLength(2)
  expect(both[0]!.vectors.flat()).toEqual(Array.from(await blip2.embedMultimodal(bytesOf(red), 'octopus')))
  expect((await server.post('/v1/embed', {})).status).toBe(400)
})

it('/v1/search ranks what is sent with it', async () => {
  const pictures = (await answer('/v1/search', { text: 'red car', images: [red, green] })) as { results: object[] }
  expect(pictures.results.map((one) => (one as { index: number }).index).sort()).toEqual([0, 1])
  const texts = (await answer('/v1/search', { image: red, texts: ['octopus', 'red car', 'hot dog'], top: 2 })) as {
    results: object[]
  }
  expect(texts.results).toHaveLength(2)
  expect(texts.results[0]).toEqual({ index: expect.any(Number), itm: expect.any(Number), itc: expect.any(Number) })
  expect((await server.post('/v1/search', { text: 'red car' })).status).toBe(404)
  expect((await server.post('/v1/search', { text: 'a', texts: ['b'] })).status).toBe(400)
  expect((await server.post('/v1/search', {})).status).toBe(400)
})

it('/v1/search with one thing alone searches the index, whose pictures can then be had', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-serve-index-'))
  await mkdir(join(folder, 'photos'))
  for (const [name, url] of Object.entries({ red, green }))
    await writeFile(join(folder, 'photos', `${name}.png`), bytesOf(url))
  using index = await PictureIndex.create(join(folder, 'album.lance'), blip2)
  await index.update(blip2, [join(folder, 'photos')])
  const model = await Blip2Model.open(tiny.directory, { index: join(folder, 'album.lance') })
  const { post, app } = await testApp(model)
  const search = async (body: object) => (await jsonOf<{ results: Listed[] }>(await post('/v1/search', body))).results

  const byWords = await search({ text: 'red car' })
  const expected = await index.search(blip2, 'red car', { rerank: 16 })
  expect(byWords.map(({ path }) => path)).toEqual(expected.map(({ path }) => path))
  expect(byWords[0]!.itm).toBeCloseTo(expected[0]!.itm!, 5)
  expect(await search({ text: 'red car', rerank: 0, top: 1 })).toMatchObject([{ itc: expect.any(Number) }])
  const [same] = await search({ image: green, top: 1 })
  expect(same!.path).toBe(join(folder, 'photos', 'green.png'))
  expect(same!.similarity).toBeCloseTo(1, 3)

  const file = await app.request(same!.picture)
  expect(file.headers.get('content-type')).toBe('image/png')
  expect(Buffer.from(await file.arrayBuffer())).toEqual(bytesOf(green))
  expect((await app.request(`/v1/pictures/${'0'.repeat(32)}`)).status).toBe(404)
  await rm(same!.path)
  expect((await app.request(same!.picture)).status).toBe(404)
  expect(await (await app.request('/v1/info')).json()).toMatchObject({ index: { pictures: 2 } })
  await model.dispose()
  await rm(folder, { recursive: true })
})

interface Listed {
  readonly path: string
  readonly picture: string
  readonly itm?: number
  readonly similarity?: number
}

it('/v1/attention gives a map of each query', async () => {
  const expected = queryMaps(await blip2.attention(bytesOf(red), 'octopus')).map((map) => Array.from(map))
  expect(await answer('/v1/attention', { image: red, text: 'octopus' })).toEqual({
    rows: 2,
    columns: 2,
    queries: expected,
  })
  const match = queryMaps(await blip2.attention(bytesOf(red), 'octopus', { gradients: true }))
  expect(await answer('/v1/attention', { image: red, text: 'octopus', gradients: true })).toMatchObject({
    queries: match.map((map) => Array.from(map)),
  })
  expect((await server.post('/v1/attention', { image: red, gradients: true })).status).toBe(400)
  expect((await server.post('/v1/attention', { image: red, layer: 1 })).status).toBe(400)
})

it('says how it is and what it can do', async () => {
  const get = async (path: string) => (await server.app.request(path)).json()
  expect(await get('/healthz')).toEqual({ status: 'ok' })
  expect(await get('/v1/models')).toMatchObject({ data: [{ id: 'tiny', object: 'model' }] })
  expect(await get('/v1/info')).toMatchObject({ model: 'tiny', index: null, runs: false, limits: { batch: 16 } })
})

it('answers 404 for what is not there, with what to look at', async () => {
  const response = await server.app.request('/v1/nothing')
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({
    error: { code: 'NO_ROUTE', message: expect.stringContaining('openapi') },
  })
})

it('answers 405 where a route has another method', async () => {
  for (const [path, method, allow] of [
    ['/v1/caption', 'GET', 'POST'],
    ['/v1/info', 'DELETE', 'GET'],
  ] as const) {
    const response = await server.app.request(path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
    expect(await response.json()).toMatchObject({ error: { message: `${path} answers ${allow}, not ${method}` } })
  }
})
