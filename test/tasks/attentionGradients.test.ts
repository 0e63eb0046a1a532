import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ConfigError, ModelNotFoundError } from '../../src/errors.js'
import { Blip2, type PictureAttention, queryMaps, type RawImage } from '../../src/index.js'
import { SafetensorsFile } from '../../src/weights/safetensors/read.js'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'hugging-face')
const RETRIEVAL = join(FIXTURES, 'retrieval')

/** What reference/hugging_face.py wrote: pictures, texts, and attention and gradients of each pair, by layer. */
async function readExpected() {
  const folder = join(RETRIEVAL, 'expected')
  const { texts } = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as { texts: string[] }
  await using inputs = await SafetensorsFile.open(join(folder, 'expected.safetensors'))
  const pictures: RawImage[] = []
  for (let i = 0; inputs.tensors.has(`picture.${i}`); i++) {
    const [height, width] = inputs.tensor(`picture.${i}`).shape as [number, number]
    pictures.push({ data: await inputs.readRaw(`picture.${i}`), width, height, channels: 3 })
  }
  await using file = await SafetensorsFile.open(join(folder, 'attention.safetensors'))
  const layers = [...file.tensors.keys()].filter((name) => name.startsWith('gradients.')).map((name) => name.slice(10))
  const expected = await Promise.all(
    layers.sort().map(async (layer) => ({
      layer: Number(layer),
      probabilities: await file.readFloat32(`probabilities.${layer}`),
      gradients: await file.readFloat32(`gradients.${layer}`),
    })),
  )
  return { texts, pictures, expected }
}

it('attention and its gradients of the matching logit are those of PyTorch, pair by pair in a padded batch', async () => {
  const { texts, pictures, expected } = await readExpected()
  await using model = await Blip2.fromPretrained(RETRIEVAL)
  const images = pictures.flatMap((picture) => texts.map(() => picture))
  const all = pictures.flatMap(() => texts)
  const found = await model.attention(images, all, { gradients: true })
  expect(found[0]!.layers.map(({ layer }) => layer)).toEqual(expected.map(({ layer }) => layer))
  expect(expected.length).toBeGreaterThan(1)
  for (const [i, { probabilities, gradients }] of expected.entries()) {
    const own = (name: 'probabilities' | 'gradients') => found.flatMap(({ layers }) => [...layers[i]![name]!])
    expectClose(own('probabilities'), probabilities)
    expectClose(own('gradients'), gradients)
  }
  // Without gradients, the same attention and nothing beside it.
  const [plain] = await model.attention(images.slice(0, 1), all[0]!)
  expect(plain!.layers[0]).not.toHaveProperty('gradients')
  expectClose([...plain!.layers[0]!.probabilities], found[0]!.layers[0]!.probabilities)
})

it('a map is attention times its gradient where that is above 0', () => {
  const attention: PictureAttention = {
    // Two heads, one query, class token and two patches.
    layers: [
      {
        layer: 0,
        probabilities: Float32Array.of(0.5, 0.25, 0.25, 0, 0.5, 0.5),
        gradients: Float32Array.of(9, 2, -1, 9, 4, 1),
      },
    ],
    heads: 2,
    queries: 1,
    rows: 1,
    columns: 2,
  }
  expect(queryMaps(attention).map((map) => [...map])).toEqual([[(0.5 + 2) / 2, 0.5 / 2]])
})

it('needs a text, and stage 1', async () => {
  const { pictures } = await readExpected()
  await using model = await Blip2.fromPretrained(RETRIEVAL)
  await expect(model.attention(pictures[0]!, undefined, { gradients: true })).rejects.toThrow(ConfigError)
  await using generator = await Blip2.fromPretrained(join(FIXTURES, 'opt'))
  await expect(generator.attention(pictures[0]!, 'a cat', { gradients: true })).rejects.toThrow(ModelNotFoundError)
})

function expectClose(found: readonly number[], expected: Float32Array): void {
  expect(found.length).toBe(expected.length)
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const error = expected.reduce((largest, value, i) => Math.max(largest, Math.abs(value - found[i]!)), 0)
  expect(scale).toBeGreaterThan(0)
  expect(error / scale).toBeLessThan(1e-4)
}
