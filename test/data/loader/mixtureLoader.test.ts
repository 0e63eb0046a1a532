import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type LoadPicture,
  MixtureLoader,
  type MixtureLoaderOptions,
  mixtureStateSchema,
} from '../../../src/data/loader/mixtureLoader.js'
import { parseMixture, readMixture } from '../../../src/data/loader/mixtureSpec.js'
import { ConfigError, DataError } from '../../../src/errors.js'
import { decodeImage } from '../../../src/image/decode.js'
import { fixture } from '../fixture.js'
import { writeTar } from '../webdataset/writeTar.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-mixture-'))
  for (let shard = 0; shard < 4; shard++) {
    const samples = Array.from({ length: 6 }, (_, i) => {
      const key = `${shard}-${i}`
      const json = JSON.stringify({ caption: [`best ${key}`, `second ${key}`, `third ${key}`] })
      const files = [
        { name: `${key}.jpg`, data: `picture ${key}` },
        { name: `${key}.json`, data: json },
      ]
      // One sample has no caption.
      return key === '2-3' ? files.slice(0, 1) : files
    })
    await writeFile(join(folder, `0000${shard}.tar`), writeTar(samples.flat()))
  }
  const list = Array.from({ length: 10 }, (_, i) => ({ image: `${i}.jpg`, caption: `item ${i}` }))
  await writeFile(join(folder, 'list.json'), JSON.stringify(list))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tars = { name: 'tars', format: 'webdataset', shards: '{00000..00003}.tar', weight: 3, bestCaptions: 2 }
const list = { name: 'list', format: 'list', annotations: 'list.json', images: '.' }
const mixture = () => parseMixture({ sources: [tars, list] }, folder)
const options: MixtureLoaderOptions = { seed: 5, bufferSamples: 5, picturesAhead: 3, maxBrokenShare: 0.5 }

/** Chooses a caption and a number, in no fixed time; item 7 cannot be decoded. */
const load: LoadPicture<string> = async ({ captions }, random) => {
  const text = `${captions[random.integer(captions.length)]} ${random.integer(1000)}`
  for (let i = random.integer(4); i > 0; i--) await setImmediate()
  if (text.startsWith('item 7 ')) throw new DataError('not a picture')
  return text
}

async function take<T>(loader: MixtureLoader<T>, count: number) {
  const taken: string[] = []
  while (taken.length < count) {
    const { source, key, result } = await loader.next()
    taken.push(`${source} ${key} ${result}`)
  }
  return taken
}

describe('MixtureLoader', () => {
  it('takes from the sources by their weights, and one of the best captions', async () => {
    const loader = await MixtureLoader.open(mixture(), load, options)
    const taken = await take(loader, 400)
    const share = taken.filter((one) => one.startsWith('tars')).length / 400
    expect(share).toBeGreaterThan(0.7)
    expect(share).toBeLessThan(0.8)
    expect(taken.some((one) => one.includes('second'))).toBe(true)
    expect(taken.some((one) => one.includes('third'))).toBe(false)
    await loader.close()
  })

  it('gives the same after going on from a state: n steps = k steps, resume, n - k steps', async () => {
    const whole = await MixtureLoader.open(mixture(), load, options)
    const all = await take(whole, 60)
    await whole.close()
    for (const stop of [0, 1, 7, 23, 24, 25, 41]) {
      const first = await MixtureLoader.open(mixture(), load, options)
      const before = await take(first, stop)
      const state = mixtureStateSchema.parse(JSON.parse(JSON.stringify(first.state)))
      await first.close()
      const second = await MixtureLoader.open(mixture(), load, options, state)
      expect([...before, ...(await take(second, 60 - stop))]).toEqual(all)
      expect(second.losses).toMatchObject({ brokenSamples: whole.losses.brokenSamples })
      await second.close()
    }
  })

  it('counts and tells broken pictures, and stops beyond the share', async () => {
    const told: string[] = []
    const onLoss = (name: string, error: Error) => told.push(`${name}: ${error.message}`)
    const loader = await MixtureLoader.open(mixture(), load, { ...options, onLoss })
    await take(loader, 100)
    expect(new Set(told)).toEqual(
      new Set(['list: 7.jpg: not a picture', 'tars: 2-3: sample 2-3 has no captions; expected txt or json, got jpg']),
    )
    expect(loader.losses).toMatchObject({ samples: 100 + told.length, brokenSamples: told.length })
    const strict = { ...options, maxBrokenShare: 0.01, judgeAfterSamples: 50 }
    const stopping = await MixtureLoader.open(mixture(), load, strict)
    await expect(take(stopping, 1000)).rejects.toThrow(/of \d+ samples cannot be read, more than 1 %/)
  })

  it('goes past a truncated shard and a missing one', async () => {
    const own = await mkdtemp(join(folder, 'damaged-'))
    const whole = await readFile(join(folder, '00000.tar'))
    await writeFile(join(own, '0.tar'), whole)
    await writeFile(join(own, '1.tar'), (await readFile(join(folder, '00001.tar'))).subarray(0, 512 * 9))
    const told: string[] = []
    const onLoss = (name: string, error: Error) => told.push(`${name}: ${error.message}`)
    const spec = parseMixture({ sources: [{ name: 'tars', format: 'webdataset', shards: '{0..2}.tar' }] }, own)
    const loader = await MixtureLoader.open(spec, load, { ...options, maxBrokenShare: 0.8, onLoss })
    const keys = new Set((await take(loader, 60)).map((one) => one.split(' ')[1]))
    expect([...keys].sort()).toEqual(['0-0', '0-1', '0-2', '0-3', '0-4', '0-5', '1-0'])
    expect(told.slice(0, 2).sort()).toEqual([
      expect.stringMatching(/1\.tar: .*1\.tar is truncated at byte 4608/),
      expect.stringMatching(/2\.tar: cannot read .*2\.tar: ENOENT/),
    ])
    await loader.close()
  })

  it('throws what is no fault of the data', async () => {
    const bug = async () => {
      throw new TypeError('a bug')
    }
    const loader = await MixtureLoader.open(mixture(), bug, options)
    await expect(loader.next()).rejects.toThrow(TypeError)
    const aborted = await MixtureLoader.open(mixture(), load, { ...options, signal: AbortSignal.abort() })
    await expect(aborted.next()).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('decodes real pictures of img2dataset shards and of a folder', async () => {
    const sources = [
      { name: 'web', format: 'img2dataset', folder: 'img2dataset' },
      { name: 'own', format: 'folder', folder: 'folder' },
    ]
    const decode: LoadPicture<string> = async ({ image, captions }, _, signal) => {
      const { width, height } = await decodeImage(image, signal)
      return `${captions[0]}: ${width} x ${height}`
    }
    const loader = await MixtureLoader.open(parseMixture({ sources }, fixture('.')), decode, { seed: 1 })
    expect(new Set((await take(loader, 40)).map((one) => one.split(' ').slice(2).join(' ')))).toEqual(
      new Set(['the sea: 12 x 8', 'a red house: 12 x 8', 'a red card: 12 x 8', 'a blue card: 12 x 8']),
    )
    await loader.close()
  })

  it('does not go on with another seed or other sources', async () => {
    const loader = await MixtureLoader.open(mixture(), load, options)
    await take(loader, 3)
    const { state } = loader
    await loader.close()
    const resume = (spec = mixture(), seed = 5) => MixtureLoader.open(spec, load, { ...options, seed }, state)
    await expect(resume(mixture(), 6)).rejects.toThrow(/seed 5, now it is 6/)
    await expect(resume(parseMixture({ sources: [tars] }, folder))).rejects.toThrow(/from list, tars, now .* tars/)
  })
})

describe('a mixture', () => {
  it('is read from a file, with paths that start from its folder', async () => {
    const file = join(folder, 'mixture.json')
    const remote = { name: 'remote', format: 'webdataset', shards: 'https://data.example/{0..1}.tar' }
    await writeFile(file, JSON.stringify({ sources: [tars, remote] }))
    expect(await readMixture(file)).toEqual({
      sources: [
        { ...tars, shards: join(folder, '{00000..00003}.tar') },
        { ...remote, weight: 1 },
      ],
    })
  })

  it.each<[string, unknown, RegExp]>([
    ['no sources', {}, /wrong at sources/],
    ['an unknown format', { sources: [{ name: 'a', format: 'csv' }] }, /sources\.0\.format/],
    ['a field too many', { sources: [{ ...list, spilts: ['val'] }] }, /sources\.0.*"spilts"/],
    ['a weight of 0', { sources: [{ ...list, weight: 0 }] }, /sources\.0\.weight/],
    ['a name used twice', { sources: [list, list] }, /two sources of the mixture are called "list"/],
  ])('is refused with %s', (_, json, message) => {
    expect(() => parseMixture(json, folder)).toThrow(ConfigError)
    expect(() => parseMixture(json, folder)).toThrow(message)
  })

  it('stops where too many entries of a list are wrong', async () => {
    await writeFile(join(folder, 'wrong.json'), '[{"image": "a", "caption": ""}, {"image": "b", "caption": "b"}]')
    const spec = parseMixture({ sources: [{ ...list, annotations: 'wrong.json' }] }, folder)
    await expect(MixtureLoader.open(spec, load, { seed: 1 })).rejects.toThrow(/1 of 2 entries of list are wrong/)
  })
})
