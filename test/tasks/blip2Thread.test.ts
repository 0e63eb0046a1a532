import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Blip2 as Model, Blip2Thread as ThreadedModel } from '../../src/index.js'
import { importCompiled } from '../setup/compiledPackage.js'
import { picture, pictures } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

const OCTOPUS = join(import.meta.dirname, '..', '..', 'assets', 'demo', 'noto-v1-octopus.png')

// A thread runs what is compiled.
const { Blip2, Blip2Thread, EncodedImage, rankTexts, ...errors } =
  await importCompiled<typeof import('../../src/index.js')>('index.js')
const { ConfigError, DisposedError, ImageError, ModelNotFoundError } = errors

let parent: string
let here: Model
let thread: ThreadedModel
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-thread-'))
  const path = join(parent, 'tiny')
  await writeTinyModel(path, undefined, { maxPositions: 160 })
  here = await Blip2.fromPretrained(path)
  thread = await Blip2Thread.fromPretrained(path)
})
afterAll(async () => {
  await Promise.all([here.dispose(), thread.dispose()])
  await rm(parent, { recursive: true })
})

describe('a model in a thread of its own', () => {
  it('gives what the same model gives here, for every method', async () => {
    const images = pictures(2)
    const texts = ['octopus', 'hot dog']
    expect(thread.config).toEqual(here.config)
    expect(await thread.caption(images[0]!)).toEqual(await here.caption(images[0]!))
    const options = { numBeams: 3, numReturnSequences: 2, maxNewTokens: 4 }
    expect(await thread.caption(images, options)).toEqual(await here.caption(images, options))
    expect(await thread.ask(images, 'who?')).toEqual(await here.ask(images, 'who?'))
    const messages = [{ role: 'user' as const, content: 'who?' }]
    expect(await thread.chat(images[0]!, messages)).toEqual(await here.chat(images[0]!, messages))
    expect(await thread.match(images, texts)).toEqual(await here.match(images, texts))
    expect(await thread.embedImage(images)).toEqual(await here.embedImage(images))
    expect(await thread.embedText('octopus')).toEqual(await here.embedText('octopus'))
    expect(await thread.embedMultimodal(images, texts)).toEqual(await here.embedMultimodal(images, texts))
    expect(await thread.attention(images[0]!)).toEqual(await here.attention(images[0]!))
    const gradients = { gradients: true }
    expect(await thread.attention(images[0]!, 'octopus', gradients)).toEqual(
      await here.attention(images[0]!, 'octopus', gradients),
    )
  })

  it('takes encoded pictures, bytes of a larger buffer, Blobs and addresses', async () => {
    const encoded = await thread.encode(picture(1))
    expect(encoded).toBeInstanceOf(EncodedImage)
    expect(encoded).toEqual(await here.encode(picture(1)))
    expect(await rankTexts(thread, encoded, ['octopus', 'red car'])).toEqual(
      await rankTexts(here, encoded, ['octopus', 'red car']),
    )
    const png = await readFile(OCTOPUS)
    const large = Buffer.concat([Buffer.alloc(100), png])
    const expected = await here.embedImage(OCTOPUS)
    for (const image of [OCTOPUS, pathToFileURL(OCTOPUS), png, large.subarray(100), new Blob([png])])
      expect(await thread.embedImage(image)).toEqual(expected)
  })

  it('streams, and stops when the reader leaves or the signal fires', async () => {
    const pieces: string[] = []
    const stream = thread.caption.stream(picture(3), { maxNewTokens: 6 })
    for (;;) {
      const step = await stream.next()
      if (!step.done) pieces.push(step.value)
      else {
        expect(pieces.join('')).toBe(step.value.text)
        expect(step.value).toEqual(await here.caption(picture(3), { numBeams: 1, maxNewTokens: 6 }))
        break
      }
    }
    for await (const _ of thread.caption.stream(picture(3), { maxNewTokens: 6 })) break
    const aborted = AbortSignal.abort()
    await expect(thread.caption(picture(3), { signal: aborted })).rejects.toMatchObject({ name: 'AbortError' })
    const controller = new AbortController()
    const running = thread.caption(pictures(8), { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    await expect(thread.caption.stream(picture(3), { numBeams: 2 }).next()).rejects.toBeInstanceOf(ConfigError)
  })

  it('throws the errors of the model, and refuses functions', async () => {
    await expect(thread.caption('nowhere.png')).rejects.toBeInstanceOf(ImageError)
    await expect(Blip2Thread.fromPretrained(join(parent, 'nothing'))).rejects.toBeInstanceOf(ModelNotFoundError)
    const filtered = { threads: 1, outputFilter: (text: string) => text }
    await expect(Blip2Thread.fromPretrained(join(parent, 'tiny'), filtered)).rejects.toThrow(
      /outputFilter is a function/,
    )
  })

  it('is disposed after the calls under way', async () => {
    const model = await Blip2Thread.fromPretrained(join(parent, 'tiny'))
    const caption = model.caption(picture(1))
    const disposal = model.dispose()
    expect(await caption).toEqual(await here.caption(picture(1)))
    await disposal
    await expect(model.caption(picture(1))).rejects.toBeInstanceOf(DisposedError)
    await model.dispose()
  })
})
