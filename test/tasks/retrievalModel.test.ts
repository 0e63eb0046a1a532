import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, ModelNotFoundError } from '../../src/errors.js'
import { Blip2, rankImages } from '../../src/index.js'
import { pictures } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'hugging-face')
const GENERATOR = join(FIXTURES, 'opt')
const RETRIEVAL = join(FIXTURES, 'retrieval')

let parent: string
let joined: Blip2
let generator: Blip2
let retrieval: Blip2
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-joined-'))
  joined = await Blip2.fromPretrained(GENERATOR, { retrievalModel: RETRIEVAL })
  generator = await Blip2.fromPretrained(GENERATOR)
  retrieval = await Blip2.fromPretrained(RETRIEVAL)
})
afterAll(async () => {
  await Promise.all([joined, generator, retrieval].map((model) => model.dispose()))
  await rm(parent, { recursive: true })
})

const images = pictures(2)
const texts = ['a red cat', 'two green dogs']
const options = { numBeams: 2, maxNewTokens: 5 }

describe('a generator with a retrieval model beside it', () => {
  it('writes what the one writes and compares as the other does', async () => {
    expect(await joined.caption(images, options)).toEqual(await generator.caption(images, options))
    expect(await joined.ask(images[0]!, 'who?', options)).toEqual(await generator.ask(images[0]!, 'who?', options))
    expect(await joined.match(images, texts)).toEqual(await retrieval.match(images, texts))
    expect(await joined.embedImage(images)).toEqual(await retrieval.embedImage(images))
    expect(await joined.embedText(texts)).toEqual(await retrieval.embedText(texts))
    expect(await joined.embedMultimodal(images, texts)).toEqual(await retrieval.embedMultimodal(images, texts))
    expect(await joined.attention(images[0]!)).toEqual(await retrieval.attention(images[0]!))
    expect(await joined.attention(images[0]!, texts[0]!)).toEqual(await retrieval.attention(images[0]!, texts[0]!))
    expect(joined.config).toEqual(generator.config)
    expect(joined.retrievalConfig).toEqual(retrieval.config)
  })

  it('encodes a picture once for both', async () => {
    const encoded = await joined.encode(images)
    expect(await joined.caption(encoded, options)).toEqual(await generator.caption(images, options))
    expect(await joined.match(encoded, texts)).toEqual(await retrieval.match(images, texts))
    expect(await rankImages(joined, texts[0]!, encoded)).toEqual(
      await rankImages(retrieval, texts[0]!, await retrieval.encode(images)),
    )
    // Encoded again, it stays what it is.
    const [again] = await joined.encode(encoded)
    expect(again).toEqual(encoded[0])
  })

  it('refuses a picture that another model encoded', async () => {
    const [encoded] = await generator.encode(images)
    const matching = joined.match(encoded!, texts)
    await expect(matching).rejects.toBeInstanceOf(ConfigError)
    await expect(matching).rejects.toThrow(/encoded by a model without the retrieval model/)
  })
})

describe('two models with the same encoder', () => {
  it('share it, until one of its weights differs', async () => {
    const [writer, matcher] = [join(parent, 'writer'), join(parent, 'matcher')]
    await writeTinyModel(writer, ['vision', 'stage2', 'language'])
    await writeTinyModel(matcher, ['vision', 'stage1'])
    await using alone = await Blip2.fromPretrained(matcher)
    const expected = await alone.match(images[0]!, texts)

    await using sharing = await Blip2.fromPretrained(writer, { retrievalModel: matcher })
    const encoded = await sharing.encode(images[0]!)
    expect(encoded.retrieval).toBeUndefined()
    expect(await sharing.match(encoded, texts)).toEqual(expected)
    expect(await sharing.match(images[0]!, texts)).toEqual(expected)
    // Encoded by either of the two, it is the same.
    expect(await sharing.match(await alone.encode(images[0]!), texts)).toEqual(expected)
    expect((await sharing.caption(encoded)).text).toEqual((await sharing.caption(images[0]!)).text)

    const file = join(matcher, 'vision.safetensors')
    const bytes = await readFile(file)
    bytes[bytes.length - 2]! ^= 1
    await writeFile(file, bytes)
    await using apart = await Blip2.fromPretrained(writer, { retrievalModel: matcher })
    expect((await apart.encode(images[0]!)).retrieval).toBeDefined()
  })
})

it('of a model with both stages, only stage 1 is replaced', async () => {
  const path = join(parent, 'tiny')
  await writeTinyModel(path)
  await using model = await Blip2.fromPretrained(path, { retrievalModel: RETRIEVAL })
  await using alone = await Blip2.fromPretrained(path)
  expect(await model.caption(images[0]!)).toEqual(await alone.caption(images[0]!))
  expect(await model.match(images[0]!, texts)).toEqual(await retrieval.match(images[0]!, texts))
})

it('a retrieval model must be able to match', async () => {
  const opened = Blip2.fromPretrained(GENERATOR, { retrievalModel: GENERATOR })
  await expect(opened).rejects.toBeInstanceOf(ModelNotFoundError)
  await expect(opened).rejects.toThrow(/it has no stage 1/)
  await expect(Blip2.fromPretrained(GENERATOR, { retrievalModel: join(parent, 'nothing') })).rejects.toThrow(
    /no model in/,
  )
})
