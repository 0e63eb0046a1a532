import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BlipCaptioner } from '../../src/capfilt/blipCaptioner.js'
import { readBlipDirectory } from '../../src/capfilt/blipDirectory.js'
import { ClipRanker } from '../../src/capfilt/clipRanker.js'
import { openModels } from '../../src/capfilt/openModels.js'
import { pixelBatch } from '../../src/capfilt/pixelBatch.js'
import { ConfigError, WeightsError } from '../../src/errors.js'
import { DEFAULT_GENERATION } from '../../src/generate/options.js'
import { Graph } from '../../src/graph/index.js'
import type { RgbPicture } from '../../src/image/resize.js'
import { blipDecode, blipFeatures, blipNextToken, blipPicture } from '../../src/models/blip.js'
import { Scope } from '../../src/nn/scope.js'
import { float32, int64 } from '../../src/runtime/index.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { huggingFaceBlip } from '../../src/weights/names/blip.js'
import { loadPlanned } from '../../src/weights/names/load.js'
import { planWeights } from '../../src/weights/names/plan.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'
import { evaluate } from '../parity/evaluate.js'

// Written by reference/capfilt_models.py: what transformers computes.
const folder = (name: string) => fileURLToPath(new URL(`../fixtures/capfilt/${name}`, import.meta.url))
const BLIP = folder('blip')
const CLIP = folder('clip')
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

async function readPictures(path: string): Promise<RgbPicture[]> {
  await using file = await SafetensorsFile.open(`${path}-values.safetensors`)
  const pictures: RgbPicture[] = []
  for (let i = 0; file.tensors.has(`picture.${i}`); i++) {
    const [height, width] = file.tensor(`picture.${i}`).shape as [number, number]
    pictures.push({ rgb: await file.readRaw(`picture.${i}`), width, height })
  }
  return pictures
}

async function readFloats(path: string, name: string): Promise<Float32Array> {
  await using file = await SafetensorsFile.open(`${path}-values.safetensors`)
  return await file.readFloat32(name)
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  expect(found.length).toBe(expected.length)
  const errors = Array.from(found, (value, i) => Math.abs(value - expected[i]!))
  expect(Math.max(...errors)).toBeLessThan(tolerance)
}

describe('BLIP’s captioner', () => {
  let captioner: BlipCaptioner
  beforeAll(async () => {
    captioner = await BlipCaptioner.open(BLIP, await readJson(join(BLIP, 'config.json')), {})
  })
  afterAll(() => captioner.dispose())

  it('prepares pictures as transformers does', async () => {
    const { pixels } = await readBlipDirectory(BLIP, await readJson(join(BLIP, 'config.json')))
    const found = pixelBatch(await readPictures(BLIP), pixels).data as Float32Array
    const expected = await readFloats(BLIP, 'pixels')
    const size = found.length / 3
    // Not the second one, which grows in width and shrinks in height: Pillow 13 begins with the height there, the versions
    // that the models were trained with always with the width.
    for (const i of [0, 2])
      expectClose(found.subarray(i * size, (i + 1) * size), expected.subarray(i * size, (i + 1) * size), 1e-5)
  })

  it('computes the features and logits of transformers', async () => {
    const { config } = await readBlipDirectory(BLIP, await readJson(join(BLIP, 'config.json')))
    const { logits_ids: ids } = await readJson(`${BLIP}-expected.json`)
    const graph = new Graph()
    const p = new Scope(graph)
    const features = blipFeatures(p, config, graph.input('pixels', 'float32', [3, 3, 16, 16]))
    const { output } = blipDecode(p, config, {
      ids: graph.input('ids', 'int64', [3, ids.length]),
      positions: graph.input('positions', 'int64', [1, ids.length]),
      picture: blipPicture(p, config, features),
    })
    const logits = blipNextToken(p, config, output)
    await using file = await SafetensorsFile.open(join(BLIP, 'model.safetensors'))
    const shapes = new Map([...p.specs.values()].map(({ name, shape }) => [name, shape]))
    const weights = await loadPlanned(file, planWeights(file, huggingFaceBlip(file.tensors), shapes))
    const feeds = {
      pixels: float32([3, 3, 16, 16], await readFloats(BLIP, 'pixels')),
      ids: int64([3, ids.length], [...ids, ...ids, ...ids]),
      positions: int64([1, ids.length], [...ids.keys()]),
      ...Object.fromEntries([...weights].map(([name, data]) => [name, float32(p.specs.get(name)!.shape, data)])),
    }
    const found = await evaluate({ features, logits }, feeds)
    expectClose(found['features']!.data as Float32Array, await readFloats(BLIP, 'features'))
    const all = await readFloats(BLIP, 'logits')
    const vocabulary = config.text.vocabularySize
    const expected = [0, 1, 2].flatMap((row) => {
      const end = (row + 1) * ids.length * vocabulary
      return [...all.subarray(end - vocabulary, end)]
    })
    expectClose(found['logits']!.data as Float32Array, expected)
  })

  it('writes the tokens that transformers’ generate writes, greedily and with beams', async () => {
    const { prompt, cases } = await readJson(`${BLIP}-expected.json`)
    const pictures = await readPictures(BLIP)
    for (const { options, ids } of cases) {
      const found = await captioner.generate(pictures, prompt, { ...DEFAULT_GENERATION, ...options })
      const withEnd = (row: number[]) => row.filter((token) => token !== 3)
      expect(found.map(([best]) => best!.ids)).toEqual(ids.map(withEnd))
    }
  })

  it('draws captions that depend on the seed, each alone as in a batch', async () => {
    const pictures = await readPictures(BLIP)
    const options = { count: 5, topP: 0.9, seed: 1, maxNewTokens: 8, minNewTokens: 1 }
    const drawn = await captioner.captions(pictures, options)
    expect(drawn.map((own) => own.length)).toEqual([5, 5, 5])
    expect(new Set(drawn.flat()).size).toBeGreaterThan(3)
    expect(await captioner.captions(pictures, options)).toEqual(drawn)
    expect(await captioner.captions(pictures.slice(1, 2), options)).toEqual([drawn[1]])
    expect(await captioner.captions(pictures, { ...options, seed: 2 })).not.toEqual(drawn)
  })

  it('refuses texts that are longer than it has positions for', async () => {
    const options = { count: 1, topP: 0.9, seed: 1, maxNewTokens: 30 }
    await expect(captioner.captions(await readPictures(BLIP), options)).rejects.toThrow(/24 positions/)
  })
})

describe('CLIP as a ranker', () => {
  let ranker: ClipRanker
  beforeAll(async () => {
    ranker = await ClipRanker.open(CLIP, await readJson(join(CLIP, 'config.json')), {})
  })
  afterAll(() => ranker.dispose())

  it('reads texts as transformers does', async () => {
    const { texts, ids } = await readJson(`${CLIP}-expected.json`)
    const tokenizer = await Tokenizer.fromFile(join(CLIP, 'tokenizer.json'))
    expect(texts.map((text: string) => tokenizer.encode(text, { maxLength: 20 }))).toEqual(ids)
  })

  it('computes the vectors of transformers, from pictures and texts as they are', async () => {
    const { texts } = await readJson(`${CLIP}-expected.json`)
    const images = await ranker.embedImages(await readPictures(CLIP))
    expectClose(
      images.flatMap((vector) => [...vector]),
      await readFloats(CLIP, 'images'),
    )
    const vectors = await ranker.embedTexts(texts)
    expectClose(
      vectors.flatMap((vector) => [...vector]),
      await readFloats(CLIP, 'texts'),
    )
  })

  it('compares each picture with its own texts', async () => {
    const pictures = await readPictures(CLIP)
    const similarities = await ranker.similarities(pictures, [['a red dog', 'a'], [], ['a']])
    const [images, [dog, a]] = [await ranker.embedImages(pictures), await ranker.embedTexts(['a red dog', 'a'])]
    const product = (one: Float32Array, other: Float32Array) =>
      one.reduce((sum, value, i) => sum + value * other[i]!, 0)
    const expected = [[product(images[0]!, dog!), product(images[0]!, a!)], [], [product(images[2]!, a!)]]
    similarities.forEach((own, i) => {
      expectClose(own, expected[i]!)
    })
  })
})

describe('openModels', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'blip2-capfilt-models-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it('opens each by what its configuration says', async () => {
    await using models = await openModels({ captioner: BLIP, ranker: CLIP })
    expect(models.captioner).toBeInstanceOf(BlipCaptioner)
    expect(models.ranker).toBeInstanceOf(ClipRanker)
    expect(models.identities.captioner).not.toBe(models.identities.ranker)
  })

  it('refuses models for what they cannot do', async () => {
    await expect(openModels({ captioner: CLIP, ranker: CLIP })).rejects.toThrow(/CLIP, which writes no captions/)
    await expect(openModels({ captioner: BLIP, ranker: BLIP })).rejects.toThrow(
      /BLIP captioner, which compares nothing/,
    )
  })

  it('refuses a configuration that it does not compute, and weights that do not belong to it', async () => {
    await cp(CLIP, directory, { recursive: true })
    const config = await readJson(join(CLIP, 'config.json'))
    const write = (text: object) =>
      writeFile(
        join(directory, 'config.json'),
        JSON.stringify({ ...config, text_config: { ...config.text_config, ...text } }),
      )
    await write({ hidden_act: 'gelu' })
    await expect(openModels({ captioner: BLIP, ranker: directory })).rejects.toThrow(ConfigError)
    await write({ num_hidden_layers: 3 })
    await expect(openModels({ captioner: BLIP, ranker: directory })).rejects.toThrow(WeightsError)
  })
})
