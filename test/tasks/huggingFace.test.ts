import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, ModelNotFoundError, WeightsError } from '../../src/errors.js'
import { writePixels } from '../../src/image/preprocess.js'
import { Blip2, type RawImage } from '../../src/index.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { writeSafetensors } from '../../src/weights/safetensors/write.js'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'hugging-face')

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-hugging-face-'))
})
afterAll(() => rm(parent, { recursive: true }))

/** What reference/hugging_face.py wrote. */
async function readExpected(name: string) {
  const folder = join(FIXTURES, name, 'expected')
  await using file = await SafetensorsFile.open(join(folder, 'expected.safetensors'))
  const pictures: RawImage[] = []
  for (let i = 0; file.tensors.has(`picture.${i}`); i++) {
    const [height, width] = file.tensor(`picture.${i}`).shape as [number, number]
    pictures.push({ data: await file.readRaw(`picture.${i}`), width, height, channels: 3 })
  }
  const floats = new Map<string, Float32Array>()
  for (const [tensor, { dtype }] of file.tensors)
    if (dtype === 'F32') floats.set(tensor, await file.readFloat32(tensor))
  const json: Expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'))
  return { pictures, floats, ...json }
}

/** Of a generator the first two, of a retrieval model the others. */
interface Expected {
  readonly prompts: readonly string[]
  readonly cases: readonly Case[]
  readonly texts: readonly string[]
  /** By picture, then by text. */
  readonly itc: readonly (readonly number[])[]
  readonly itm: readonly (readonly number[])[]
}

interface Case {
  readonly name: string
  readonly options: Readonly<Record<string, number | boolean>>
  readonly texts: readonly string[]
  readonly scores: readonly number[]
}

/** transformers' names for options, as ours. */
const optionsOf = (options: Case['options']) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )

describe.each(['opt', 't5'])('Blip2ForConditionalGeneration with %s', (name) => {
  it('writes what transformers writes, greedily and with beams, in a padded batch', async () => {
    const { pictures, prompts, cases } = await readExpected(name)
    await using model = await Blip2.fromPretrained(join(FIXTURES, name))
    for (const { options, texts, scores } of cases) {
      const asked = { template: '{}', ...DEFAULTS, ...optionsOf(options) }
      const found = await model.ask(pictures, prompts, asked)
      expect(found.map(({ text }) => text)).toEqual(texts.map((text) => text.trim()))
      found.forEach(({ score }, i) => {
        expect(Math.abs(score - scores[i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)))
      })
      const alone = await model.ask(pictures[1]!, prompts[1]!, asked)
      expect(alone.text).toBe(found[1]!.text)
      expect(alone.score).toBeCloseTo(found[1]!.score, 4)
    }
  })

  it('gives the same with its weights mapped from the files', async () => {
    const path = join(parent, `${name}-mapped`)
    const cacheDir = join(parent, `${name}-cache`)
    await cp(join(FIXTURES, name), path, { recursive: true })
    await using held = await Blip2.fromPretrained(path, { weights: 'memory' })
    await using mapped = await Blip2.fromPretrained(path, { weights: 'mapped', cacheDir })
    const { pictures } = await readExpected(name)
    const options = { numBeams: 3, maxNewTokens: 6 }
    const [one, other] = [await held.caption(pictures, options), await mapped.caption(pictures, options)]
    expect(other.map(({ text }) => text)).toEqual(one.map(({ text }) => text))
    other.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(one[i]!.score, 4)
    })
    // Float32 is read where it lies; float16 is converted once.
    const converted = name === 'opt' ? [] : await readdir(join(cacheDir, 'float32'))
    expect(await readdir(cacheDir).catch(() => [])).toEqual(name === 'opt' ? [] : ['float32'])
    expect(converted.length).toBe(name === 'opt' ? 0 : 3)
    const progress: number[] = []
    await using again = await Blip2.fromPretrained(path, {
      weights: 'mapped',
      cacheDir,
      onConversion: ({ done }) => progress.push(done),
    })
    expect((await again.caption(pictures[0]!, options)).text).toBe(one[0]!.text)
    expect(progress).toEqual([])
    expect((await readdir(path)).sort()).toEqual((await readdir(join(FIXTURES, name))).sort())
  })

  it('names the text that its language model was trained to answer', async () => {
    await using model = await Blip2.fromPretrained(join(FIXTURES, name))
    const { pictures } = await readExpected(name)
    const template = name === 't5' ? 'Question: {} Short answer:' : 'Question: {} Answer:'
    const options = { numBeams: 2, maxNewTokens: 4 }
    const [asked, written] = [
      await model.ask(pictures[0]!, 'who?', options),
      await model.ask(pictures[0]!, 'who?', { ...options, template }),
    ]
    expect(asked).toEqual(written)
    await expect(model.match(pictures[0]!, ['a cat'])).rejects.toBeInstanceOf(ModelNotFoundError)
  })
})

/** transformers' own, where ours are those of the paper. */
const DEFAULTS = { numBeams: 1, minNewTokens: 0, lengthPenalty: 1, repetitionPenalty: 1 }

describe('Blip2ForImageTextRetrieval', () => {
  it('gives the scores and embeddings of transformers', async () => {
    const { pictures, texts, itc, itm, floats } = await readExpected('retrieval')
    await using model = await Blip2.fromPretrained(join(FIXTURES, 'retrieval'))
    const found = await model.match(pictures, texts)
    found.forEach((row, i) => {
      row.forEach((match, j) => {
        expect(match.itc).toBeCloseTo(itc[i]![j]!, 4)
        expect(match.itm).toBeCloseTo(itm[i]![j]!, 4)
      })
    })
    expectClose(flat(await model.embedImage(pictures)), floats.get('image_embeds')!)
    expectClose(flat(await model.embedText(texts)), floats.get('text_embeds')!)
    await expect(model.caption(pictures[0]!)).rejects.toBeInstanceOf(ModelNotFoundError)
  })
})

it('pictures reach the encoder as transformers prepares them', async () => {
  const { pictures, floats } = await readExpected('opt')
  const { image_mean: mean, image_std: std } = JSON.parse(
    await readFile(join(FIXTURES, 'opt', 'preprocessor_config.json'), 'utf8'),
  )
  const size = 24
  const found = pictures.map(({ data, width, height }) => {
    const pixels = new Float32Array(3 * size * size)
    writePixels({ rgb: Uint8Array.from(data), width, height }, { size, mean, std }, pixels)
    return pixels
  })
  expectClose(flat(found), floats.get('pixels')!, 1e-5)
})

describe('a directory that does not fit', () => {
  /** A copy with one JSON file changed. */
  async function changed(name: string, file: string, change: (json: Record<string, never>) => object) {
    const path = await mkdtemp(join(parent, 'changed-'))
    await cp(join(FIXTURES, name), path, { recursive: true })
    const json = JSON.parse(await readFile(join(path, file), 'utf8'))
    await writeFile(join(path, file), JSON.stringify(change(json)))
    return path
  }

  it.each([
    ['config.json', (json: object) => ({ ...json, text_config: { model_type: 'llama' } }), /text_config/],
    ['config.json', (json: object) => ({ ...json, vision_config: { hidden_act: 'quick_gelu' } }), /hidden_act/],
    ['config.json', (json: object) => ({ ...json, num_query_tokens: 0 }), /num_query_tokens/],
    ['preprocessor_config.json', (json: object) => ({ ...json, resample: 2 }), /resample/],
    ['preprocessor_config.json', (json: object) => ({ ...json, size: { height: 32, width: 32 } }), /32 pixels.*24/],
  ])('%s: says which field', async (file, change, message) => {
    const path = await changed('opt', file, change)
    await expect(Blip2.fromPretrained(path)).rejects.toThrow(message)
    await expect(Blip2.fromPretrained(path)).rejects.toBeInstanceOf(ConfigError)
  })

  it('lists what is missing, unexpected and of another shape', async () => {
    const path = await mkdtemp(join(parent, 'weights-'))
    await cp(join(FIXTURES, 't5'), path, { recursive: true })
    await using file = await SafetensorsFile.open(join(path, 'model.safetensors'))
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>()
    for (const [name, { shape }] of file.tensors) tensors.set(name, { shape, data: await file.readFloat32(name) })
    tensors.delete('language_model.decoder.final_layer_norm.weight')
    tensors.set('language_model.extra', { shape: [1], data: new Float32Array(1) })
    tensors.set('language_model.encoder.final_layer_norm.weight', { shape: [2], data: new Float32Array(2) })
    await writeSafetensors(join(path, 'model.safetensors'), tensors)
    const opened = Blip2.fromPretrained(path)
    await expect(opened).rejects.toBeInstanceOf(WeightsError)
    await expect(opened).rejects.toThrow(/missing \(1\).*decoder.final.*unexpected \(1\).*extra.*wrong shape \(1\)/s)
  })

  it('takes the processor of newer versions, in one file', async () => {
    const path = await mkdtemp(join(parent, 'processor-'))
    await cp(join(FIXTURES, 'opt'), path, { recursive: true })
    const own = join(path, 'preprocessor_config.json')
    await writeFile(
      join(path, 'processor_config.json'),
      JSON.stringify({ image_processor: JSON.parse(await readFile(own, 'utf8')) }),
    )
    await rm(own)
    await using model = await Blip2.fromPretrained(path)
    expect(model.config.vision).toMatchObject({ kind: 'eva', imageSize: 24 })
    await rm(join(path, 'processor_config.json'))
    await expect(Blip2.fromPretrained(path)).rejects.toThrow(/preprocessor_config\.json/)
  })
})

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]))

function expectClose(found: Float32Array, expected: Float32Array, tolerance = 1e-4): void {
  expect(found.length).toBe(expected.length)
  const error = found.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0)
  expect(error).toBeLessThan(tolerance)
}
