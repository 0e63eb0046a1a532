import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureReader } from '../../../src/data/featureCache/featureReader.js'
import { viewRandom } from '../../../src/data/featureCache/fixedViews.js'
import { type FeatureInput, writeFeatures } from '../../../src/data/featureCache/writeFeatures.js'
import { ConfigError, DataError } from '../../../src/errors.js'
import { createAugmenter } from '../../../src/image/augment.js'
import { tinyPictures } from '../../train/pretrain/tiny.js'

let parent: string
const folder = (name: string) => join(parent, name)

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-features-'))
})
afterAll(() => rm(parent, { recursive: true }))

const augment = { size: 4, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const
const identity = { encoder: 'a'.repeat(64), preprocessing: 'b'.repeat(64), data: 'c'.repeat(64) }
const views = { count: 3, seed: 5 }
const options = { views, shardPictures: 5 }
const VIEW = 3 * augment.size * augment.size

/** The pixels themselves are the features: 12 pictures of 16 x 3 numbers. */
const input: FeatureInput = {
  pictures: tinyPictures,
  augment,
  identity,
  tokens: 16,
  width: 3,
  batch: 4,
  encode: async (images) => images,
}

describe('writeFeatures', () => {
  it('keeps every view of every picture to float16 rounding', async () => {
    const index = await writeFeatures(folder('whole'), input, options)
    expect(index.shards.map(({ file }) => file)).toEqual([0, 1, 2].map((n) => `features-0000${n}.safetensors`))
    await using reader = await FeatureReader.open(folder('whole'), identity)
    expect([reader.tokens, reader.views]).toEqual([16, views])
    const augmenter = createAugmenter(augment)
    const expected = new Float32Array(VIEW)
    for (let picture = 0; picture < tinyPictures.length; picture++)
      for (let view = 0; view < views.count; view++) {
        augmenter(tinyPictures.picture(picture), false, viewRandom(views, { picture, view }), expected)
        const { shape, data } = await reader.read([{ picture, view }])
        expect(shape).toEqual([1, 16, 3])
        for (let i = 0; i < VIEW; i++) expect(Math.abs(data[i]! - expected[i]!)).toBeLessThan(1e-3)
      }
    const together = await reader.read([
      { picture: 11, view: 2 },
      { picture: 0, view: 0 },
    ])
    expect(together.data.subarray(0, VIEW)).toEqual((await reader.read([{ picture: 11, view: 2 }])).data)
  })

  it('goes on after the last finished shard, and gives what an uninterrupted run gives', async () => {
    const stop = new AbortController()
    const onProgress = (done: number) => done > 20 && stop.abort()
    const stopped = writeFeatures(folder('resumed'), input, { ...options, signal: stop.signal, onProgress })
    await expect(stopped).rejects.toThrow(/abort/i)
    await expect(FeatureReader.open(folder('resumed'), identity)).rejects.toThrow(/1 of 3 shards/)
    await expect(writeFeatures(folder('resumed'), input, options)).rejects.toThrow(/holds features already/)
    let encoded = 0
    const encode = async (images: Float32Array) => {
      encoded++
      return images
    }
    const counting = { ...input, encode }
    const resumed = await writeFeatures(folder('resumed'), counting, { ...options, resume: true })
    expect(encoded).toBe(Math.ceil(15 / 4) + Math.ceil(6 / 4))
    expect(resumed.shards).toEqual((await writeFeatures(folder('whole'), input, { ...options, resume: true })).shards)
  })

  it('does not go on with other views or another encoder, and refuses what float16 cannot hold', async () => {
    const resume = { ...options, resume: true }
    await expect(writeFeatures(folder('whole'), input, { ...resume, views: { count: 2, seed: 5 } })).rejects.toThrow(
      /holds 3 views a picture of seed 5/,
    )
    const other = { ...input, identity: { ...identity, encoder: 'd'.repeat(64) } }
    await expect(writeFeatures(folder('whole'), other, resume)).rejects.toThrow(ConfigError)
    const wide = { ...input, encode: async (images: Float32Array) => images.map(() => 1e6) }
    await expect(writeFeatures(folder('wide'), wide, options)).rejects.toThrow(/float16 cannot hold/)
  })
})

describe('FeatureReader refuses', () => {
  it.each([
    ['encoder', /another image encoder/],
    ['preprocessing', /another picture size, normalisation or augmentation/],
    ['data', /other pictures or captions/],
  ])('features of another %s', async (field, message) => {
    const wanted = { ...identity, [field]: 'e'.repeat(64) }
    await expect(FeatureReader.open(folder('whole'), wanted)).rejects.toThrow(message)
  })

  it('damaged shards, a broken index, and folders without features', async () => {
    await writeFeatures(folder('damaged'), input, options)
    const shard = folder('damaged/features-00001.safetensors')
    const bytes = await readFile(shard)
    bytes[bytes.length - 7]! ^= 1
    await writeFile(shard, bytes)
    await expect(FeatureReader.open(folder('damaged'), identity)).rejects.toThrow(/features-00001.* is damaged/)
    await rm(shard)
    await expect(FeatureReader.open(folder('damaged'), identity)).rejects.toThrow(/cannot read .*ENOENT/)
    await appendFile(folder('damaged/index.json'), '}')
    await expect(FeatureReader.open(folder('damaged'), identity)).rejects.toThrow(DataError)
    await expect(FeatureReader.open(folder('none'), identity)).rejects.toThrow(/holds no features/)
  })
})
