import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { conversationOf } from '../../src/serve/openai/conversation.js'
import { dataUrl, jsonOf, openTinyModel, readEvents, type TestApp, type TinyModel, testApp } from './testServer.js'

let tiny: TinyModel
let blip2: Blip2
let server: TestApp
let red: string
beforeAll(async () => {
  tiny = await openTinyModel()
  blip2 = await Blip2.fromPretrained(tiny.directory)
  server = await testApp(tiny.model)
  red = await dataUrl('#f00')
})
afterAll(async () => {
  await blip2.dispose()
  await tiny.dispose()
})

const bytes = () => Buffer.from(red.slice(red.indexOf(',') + 1), 'base64')
const image = (url = red) => ({ type: 'image_url', image_url: { url } })
const text = (words: string) => ({ type: 'text', text: words })
const path = '/v1/chat/completions'
const question = (words: string) => [{ role: 'user', content: [text(words), image()] }]

it('answers as model.chat does, in the form of the API', async () => {
  const { text: expected, finishReason } = await blip2.chat(bytes(), [{ role: 'user', content: 'what is it?' }])
  const response = await server.post(path, { model: 'any', messages: question('what is it?'), user: 'unread' })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    id: expect.stringMatching(/^chatcmpl-/),
    object: 'chat.completion',
    created: expect.any(Number),
    model: 'tiny',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: expected, refusal: null },
        finish_reason: finishReason,
        logprobs: null,
      },
    ],
  })
})

it('describes a picture that comes without words', async () => {
  const { text: expected } = await blip2.caption(bytes())
  const response = await server.post(path, { messages: [{ role: 'user', content: [image()] }] })
  expect((await jsonOf<Completion>(response)).choices[0]!.message.content).toBe(expected)
})

it('streams chunks that join to the text, and [DONE]', async () => {
  const expected = await blip2.chat(bytes(), [{ role: 'user', content: 'what is it?' }], { numBeams: 1 })
  const events = await readEvents(await server.post(path, { messages: question('what is it?'), stream: true }))
  expect(events.at(-1)!.data).toBe('[DONE]')
  const chunks = events.slice(0, -1).map(({ data }) => data as { id: string; object: string; choices: Chunk[] })
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant')
  expect(chunks.map(({ choices }) => choices[0]!.delta.content ?? '').join('')).toBe(expected.text)
  expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe(expected.finishReason)
})

interface Completion {
  readonly choices: {
    readonly index: number
    readonly message: { readonly content: string }
    readonly finish_reason: string
  }[]
}

interface Chunk {
  readonly delta: { readonly role?: string; readonly content?: string }
  readonly finish_reason: string | null
}

it('takes settings over: several texts, drawing, length', async () => {
  const messages = question('what is it?')
  const complete = async (settings: object) =>
    (await jsonOf<Completion>(await server.post(path, { messages, ...settings }))).choices
  expect((await complete({ n: 3 })).map(({ index }) => index)).toEqual([0, 1, 2])
  const drawn = { temperature: 1.5, seed: 3, max_tokens: 9 }
  expect(await complete(drawn)).toEqual(await complete(drawn))
  expect((await complete({ max_tokens: 1, stop: 'zz' }))[0]!.finish_reason).toMatch(/length|stop/)
  expect((await server.post(path, { messages, max_tokens: 100_000 })).status).toBe(400)
})

it('refuses what it cannot do', async () => {
  const status = async (body: object) => (await server.post(path, body)).status
  expect(await status({ messages: [{ role: 'user', content: 'no picture' }] })).toBe(400)
  expect(await status({ messages: question('what?'), tools: [{ type: 'function' }] })).toBe(400)
  expect(await status({ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] })).toBe(400)
  expect(await status({ messages: [{ role: 'user', content: [image('https://example.com/a.png')] }] })).toBe(400)
  expect(await status({ messages: question('x'.repeat(3000)) })).toBe(400)
})

describe('a conversation', () => {
  const user = (...content: object[]) => ({ role: 'user' as const, content: content as never })
  const assistant = (words: string) => ({ role: 'assistant' as const, content: words })

  it('begins at the last picture, without system messages, with turns joined', () => {
    expect(
      conversationOf([
        { role: 'system', content: 'be short' },
        user(image('data:1'), text('old')),
        assistant('an old answer'),
        user(image('data:2')),
        user(text('what is it?')),
        assistant('a cat'),
        { role: 'user', content: 'what color?' },
      ]),
    ).toEqual({
      image: 'data:2',
      messages: [
        { role: 'user', content: 'what is it?' },
        { role: 'assistant', content: 'a cat' },
        { role: 'user', content: 'what color?' },
      ],
    })
  })

  it('leaves out a description that was asked for without words', () => {
    const { messages } = conversationOf([user(image('data:1')), assistant('a cat'), { role: 'user', content: 'why?' }])
    expect(messages).toEqual([{ role: 'user', content: 'why?' }])
  })

  it('must end with the user', () => {
    expect(() => conversationOf([user(image('data:1'), text('what?')), assistant('a cat')])).toThrow(/last message/)
  })
})
