import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { ConfigError, DisposedError } from '../../src/errors.js'
import { type Answer, Blip2, type ChatMessage, DECODING_PRESETS, type EncodedImage } from '../../src/index.js'
import { picture, pictures } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

let parent: string
let model: Blip2
let images: EncodedImage[]
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-text-'))
  await writeTinyModel(join(parent, 'tiny'), ['vision', 'stage2', 'language'], { maxPositions: 160 })
  model = await Blip2.fromPretrained(join(parent, 'tiny'))
  images = await model.encode(pictures(20))
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

const PLAIN = { numBeams: 1, lengthPenalty: 1, maxNewTokens: 6, minNewTokens: 1, repetitionPenalty: 1 }

async function collect<T>(stream: AsyncGenerator<string, T>): Promise<{ pieces: string[]; whole: T }> {
  const pieces: string[] = []
  for (;;) {
    const step = await stream.next()
    if (step.done) return { pieces, whole: step.value }
    pieces.push(step.value)
  }
}

describe('ask', () => {
  it("is a caption after the language model's template", async () => {
    const answer = await model.ask(images[0]!, 'what is it?', PLAIN)
    expectTypeOf(answer).toEqualTypeOf<Answer>()
    expect(answer).toEqual(await model.caption(images[0]!, { ...PLAIN, prompt: 'Question: what is it? Answer:' }))
    const own = await model.ask(images[0]!, 'what is it?', { ...PLAIN, template: 'Q: {}' })
    expect(own).toEqual(await model.caption(images[0]!, { ...PLAIN, prompt: 'Q: what is it?' }))
  })

  it("decodes as in the paper unless it is told to decode as the authors' code, or otherwise", async () => {
    const prompt = 'Question: what is it? Answer:'
    const { paper, lavis } = DECODING_PRESETS
    expect(await model.ask(images[1]!, 'what is it?')).toEqual(
      await model.caption(images[1]!, { ...paper.question, prompt }),
    )
    expect(await model.ask(images[1]!, 'what is it?', { preset: 'lavis', numBeams: 2 })).toEqual(
      await model.caption(images[1]!, { ...lavis.question, prompt, numBeams: 2 }),
    )
  })

  it.each([1, 3])('gives each of many questions its own answer, with %d beams', async (numBeams) => {
    const options = { ...PLAIN, numBeams }
    const questions = images.map((_, i) => 'what is it? '.repeat(1 + (i % 4)))
    const together = await model.ask(images, questions, options)
    for (const i of [0, 3, 17]) {
      const alone = await model.ask(images[i]!, questions[i]!, options)
      expect(together[i]!.text).toBe(alone.text)
      expect(Math.abs(together[i]!.score - alone.score)).toBeLessThan(1e-4)
    }
    const forAll = await model.ask(images.slice(0, 2), 'what is it? ', options)
    expect(forAll[0]!.text).toBe(together[0]!.text)
    const ofOne = await model.ask(images[0]!, questions.slice(0, 2), options)
    expect(ofOne[0]!.text).toBe(together[0]!.text)
    expect(ofOne).toHaveLength(2)
  })

  it('refuses as many pictures as do not fit the questions', async () => {
    await expect(model.ask(images, ['one', 'two'])).rejects.toThrow(/20 pictures and 2 questions do not go together/)
    expect(await model.ask([], 'what?')).toEqual([])
    expect(await model.ask(images[0]!, [])).toEqual([])
  })
})

describe('chat', () => {
  const turns: ChatMessage[] = [
    { role: 'user', content: 'what is it?' },
    { role: 'assistant', content: 'red' },
    { role: 'user', content: 'why?' },
  ]

  it('answers after the turns before', async () => {
    const prompt = 'Question: what is it? Answer: red. Question: why? Answer:'
    const answer = await model.chat(images[0]!, turns, PLAIN)
    expect(answer).toEqual(await model.caption(images[0]!, { ...PLAIN, prompt }))
    const [first, second] = await model.chat([images[0]!, images[1]!], [turns, turns.slice(0, 1)], PLAIN)
    expect(first!.text).toBe(answer.text)
    expect(second!.text).toBe((await model.ask(images[1]!, 'what is it?', PLAIN)).text)
    expect((await collect(model.chat.stream(images[0]!, turns, PLAIN))).whole).toEqual(answer)
  })

  it('refuses turns that are not in order', async () => {
    await expect(model.chat(images[0]!, turns.slice(0, 2))).rejects.toBeInstanceOf(ConfigError)
  })
})

describe('options', () => {
  it('several texts are given best first', async () => {
    const { alternatives, ...best } = await model.caption(images[2]!, { ...PLAIN, numBeams: 4, numReturnSequences: 4 })
    expect(best).toEqual(await model.caption(images[2]!, { ...PLAIN, numBeams: 4 }))
    const scores = [best, ...alternatives!].map(({ score }) => score)
    expect(scores).toHaveLength(4)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
  })

  it('drawn texts depend on the seed alone', async () => {
    const draw = { doSample: true, temperature: 1.5, maxNewTokens: 6, seed: 5 }
    const together = await model.caption(images, draw)
    expect((await model.caption(images[7]!, draw)).text).toBe(together[7]!.text)
    const others = await model.caption(images, { ...draw, seed: 6 })
    expect(others.map(({ text }) => text)).not.toEqual(together.map(({ text }) => text))
    await expect(model.caption(images[0]!, { ...draw, numBeams: 2 })).rejects.toThrow(/without beams/)
  })

  it('a stop string ends a text before it', async () => {
    const whole = await model.caption(images[3]!, { ...PLAIN, maxNewTokens: 10, minNewTokens: 10 })
    const letter = [...whole.text].find((character, i) => i > 0 && /\S/.test(character))!
    const stopped = await model.caption(images[3]!, { ...PLAIN, maxNewTokens: 10, stop: [letter] })
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(letter)).trim())
    expect(stopped.finishReason).toBe('stop')
    await expect(model.caption(images[3]!, { stop: [''] })).rejects.toBeInstanceOf(ConfigError)
  })

  it('a preset brings its prompt', async () => {
    const { prompt, ...settings } = DECODING_PRESETS.lavis.caption
    expect(await model.caption(images[4]!, { preset: 'lavis' })).toEqual(
      await model.caption(images[4]!, { ...settings, prompt: 'a photo of' }),
    )
    expect(prompt).toBe('a photo of')
    await expect(model.caption(images[4]!, { preset: 'none' as 'paper' })).rejects.toThrow(/one of paper, lavis/)
  })
})

describe('a stream', () => {
  it('is the caption in pieces', async () => {
    for (const image of images.slice(0, 6)) {
      const { pieces, whole } = await collect(model.caption.stream(image, { maxNewTokens: 12 }))
      expect(whole).toEqual(await model.caption(image, { numBeams: 1, maxNewTokens: 12 }))
      expect(pieces.join('')).toBe(whole.text)
      for (const piece of pieces) expect(piece).not.toBe('')
    }
  })

  it('is refused for beams', async () => {
    await expect(collect(model.caption.stream(images[0]!, { numBeams: 3 }))).rejects.toThrow(/cannot be streamed/)
  })

  it('lets other calls run between two pieces, and may be left', async () => {
    const options = { maxNewTokens: 12, minNewTokens: 12 }
    const expected = await model.caption(images[5]!, { numBeams: 1, ...options })
    let text = ''
    for await (const piece of model.caption.stream(images[5]!, options)) {
      text += piece
      await model.caption(picture(9), { numBeams: 2, maxNewTokens: 3 })
    }
    expect(text).toBe(expected.text)
    for await (const _ of model.caption.stream(images[5]!, options)) break
    expect((await model.caption(images[5]!, { numBeams: 1, ...options })).text).toBe(expected.text)
  })

  it('stops within one token', async () => {
    const controller = new AbortController()
    const stream = model.ask.stream(images[0]!, 'what?', {
      maxNewTokens: 90,
      minNewTokens: 90,
      signal: controller.signal,
    })
    await stream.next()
    controller.abort()
    await expect(stream.next()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  })

  it('ends when the model is disposed', async () => {
    const other = await Blip2.fromPretrained(join(parent, 'tiny'))
    const stream = other.caption.stream(picture(1), { maxNewTokens: 20, minNewTokens: 20 })
    await stream.next()
    await other.dispose()
    await expect(collect(stream)).rejects.toBeInstanceOf(DisposedError)
  })
})
