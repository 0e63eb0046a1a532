import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { Blip2, drawAttention, meanMap, type PictureAttention, queryMaps } from '../../src/index.js'
import { picture, pictures } from './picture.js'
import { writeTinyModel } from './tinyModel.js'

let parent: string
let model: Blip2
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-attention-'))
  await writeTinyModel(join(parent, 'tiny'))
  model = await Blip2.fromPretrained(join(parent, 'tiny'))
})
afterAll(async () => {
  await model.dispose()
  await rm(parent, { recursive: true })
})

const expectClose = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(1e-5)
}

describe('attention', () => {
  it('is a distribution over class token and patches, for every head and query', async () => {
    const attention = await model.attention(picture(1))
    expectTypeOf(attention).toEqualTypeOf<PictureAttention>()
    // 16 pixels in patches of 8; of two layers the first has cross-attention.
    expect(attention).toMatchObject({ heads: 2, queries: 3, rows: 2, columns: 2 })
    expect(attention.layers.map(({ layer }) => layer)).toEqual([0])
    const { probabilities } = attention.layers[0]!
    expect(probabilities).toHaveLength(2 * 3 * 5)
    for (let row = 0; row < 6; row++)
      expect(probabilities.subarray(row * 5, row * 5 + 5).reduce((sum, p) => sum + p)).toBeCloseTo(1, 5)
  })

  it('is the same for a batch as for each, and another with a text', async () => {
    const images = pictures(18)
    const texts = images.map((_, i) => (i % 2 ? 'octopus' : 'hot dog face'))
    const [alone, joint] = [await model.attention(images), await model.attention(images, texts)]
    for (const i of [0, 17]) {
      const layer = (attention: PictureAttention) => attention.layers[0]!.probabilities
      expectClose(layer(alone[i]!), layer(await model.attention(images[i]!)))
      expectClose(layer(joint[i]!), layer(await model.attention(images[i]!, texts[i]!)))
      expect(layer(alone[i]!)).not.toEqual(layer(joint[i]!))
    }
    await expect(model.attention(images, ['one'])).rejects.toBeInstanceOf(ConfigError)
  })
})

describe('maps', () => {
  const attention: PictureAttention = {
    layers: [
      { layer: 0, probabilities: new Float32Array(12) },
      // Two heads, two queries, class token and two patches.
      { layer: 2, probabilities: Float32Array.of(0.5, 0.5, 0, 0.2, 0.2, 0.6, 0.1, 0.1, 0.8, 0, 1, 0) },
    ],
    heads: 2,
    queries: 2,
    rows: 1,
    columns: 2,
  }

  it('are means over the heads without the class token', () => {
    const [first, second] = queryMaps(attention)
    expectClose(first!, [0.3, 0.4])
    expectClose(second!, [0.6, 0.3])
    expectClose(meanMap([first!, second!]), [0.45, 0.35])
    expectClose(queryMaps(attention, 0)[0]!, [0, 0])
    expect(() => queryMaps(attention, 1)).toThrow(/layer 1 has no cross-attention; expected one of 0, 2/)
  })

  it('are drawn over the picture: red where it is high, the grey picture where it is low', async () => {
    const grey = { data: new Uint8Array(40 * 20 * 3).fill(100), width: 40, height: 20, channels: 3 as const }
    const png = await drawAttention(grey, attention, { query: 1 })
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height, info.channels]).toEqual([40, 20, 3])
    const [left, right] = [[...data.subarray(0, 3)], [...data.subarray(39 * 3, 40 * 3)]]
    expect(left[0]! - left[2]!).toBeGreaterThan(30)
    expect(right).toEqual([100, 100, 100])
    const sheet = await sharp(await drawAttention(grey, attention, { query: 'all' })).metadata()
    expect(sheet.width).toBeGreaterThan(2 * 160)
    await expect(drawAttention(grey, attention, { query: 2 })).rejects.toThrow(/no query 2; they are numbered 0 to 1/)
  })
})
