import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { picture } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

let directory: string
let plain: Blip2
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-filter-'))
  await writeTinyModel(directory, undefined, { maxPositions: 96 })
  plain = await Blip2.fromPretrained(directory)
})
afterAll(async () => {
  await plain.dispose()
  await rm(directory, { recursive: true })
})

const beams = { numBeams: 3, numReturnSequences: 2 }

it('sees every text, the next best ones too, and may change it', async () => {
  await using model = await Blip2.fromPretrained(directory, { outputFilter: async (text) => `${text}!` })
  const [free, filtered] = [await plain.caption(picture(1), beams), await model.caption(picture(1), beams)]
  expect(filtered.text).toBe(`${free.text}!`)
  expect(filtered.alternatives![0]!.text).toBe(`${free.alternatives![0]!.text}!`)
  expect((await model.ask(picture(1), 'what?')).text).toMatch(/!$/)
  const [answer] = await model.chat([picture(1)], [[{ role: 'user', content: 'what?' }]])
  expect(answer!.text).toMatch(/!$/)
})

it('withholds a text, streamed or not', async () => {
  const seen: string[] = []
  const outputFilter = (text: string) => {
    seen.push(text)
    return null
  }
  await using model = await Blip2.fromPretrained(directory, { outputFilter })
  expect(await model.caption(picture(2))).toMatchObject({ text: '', finishReason: 'filtered' })
  const stream = model.caption.stream(picture(2))
  expect(await stream.next()).toMatchObject({ done: true, value: { text: '', finishReason: 'filtered' } })
  expect(seen[1]).toBe((await plain.caption(picture(2))).text)
})

it('streams what it lets through as one piece', async () => {
  await using model = await Blip2.fromPretrained(directory, { outputFilter: (text) => text.toUpperCase() })
  const pieces: string[] = []
  for await (const piece of model.caption.stream(picture(3))) pieces.push(piece)
  expect(pieces).toEqual([(await plain.caption(picture(3))).text.toUpperCase()])
})
