import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BootstrapOptions, bootstrapCaptions } from '../../src/capfilt/bootstrapCaptions.js'
import type { Captioner } from '../../src/capfilt/captioner.js'
import { openInput } from '../../src/data/openInput.js'
import type { CapfiltProgress } from '../../src/capfilt/progress.js'
import type { Ranker } from '../../src/capfilt/ranker.js'
import { MixtureLoader } from '../../src/data/loader/mixtureLoader.js'
import { parseMixture } from '../../src/data/loader/mixtureSpec.js'
import { captionedSample } from '../../src/data/webdataset/captionedSample.js'
import { openImg2dataset } from '../../src/data/webdataset/img2dataset.js'
import { readShardSamples } from '../../src/data/webdataset/samples.js'
import { ConfigError, DataError } from '../../src/errors.js'
import { Random } from '../../src/train/random/random.js'
import { collect } from '../data/fixture.js'
import { writePictureFolder } from './pictureFolder.js'

const COUNT = 23
const BROKEN = [4, 17]

let parent: string
const file = (name: string) => join(parent, name)
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-capfilt-'))
  await writePictureFolder(file('pictures'), COUNT, BROKEN)
})
afterAll(() => rm(parent, { recursive: true, force: true }))

/** Draws words of the seed and the picture; breaks off at the call of a number. */
function captioner(breakAt = Number.POSITIVE_INFINITY): Captioner {
  let calls = 0
  return {
    captions: async (pictures, { count, seed }) => {
      if (calls++ === breakAt) throw new Error('the machine went down')
      return pictures.map(({ rgb }) => {
        const random = new Random(seed, `${rgb[0]}`)
        return Array.from({ length: count }, () => `word ${random.integer(50)} of ${rgb[0]}`)
      })
    },
    dispose: async () => {},
  }
}

/** Likes texts by a hash of theirs. */
const ranker: Ranker = {
  similarities: async (_, texts) => texts.map((own) => own.map((text) => new Random(1, text).uniform() * 2 - 1)),
  dispose: async () => {},
}

const options = (out: string, more: Partial<BootstrapOptions> = {}): BootstrapOptions => ({
  ...{ out, resume: false, count: 4, keep: 2, topP: 0.9, seed: 3, batch: 3, shardSize: 5, inputs: {} },
  ...more,
})

async function run(out: string, more: Partial<BootstrapOptions> = {}, drawer = captioner()) {
  const sources = await openInput(file('pictures'), {})
  return bootstrapCaptions({ captioner: drawer, ranker }, sources, options(file(out), more))
}

async function contents(out: string): Promise<Record<string, string>> {
  const names = (await readdir(file(out))).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(file(out), name))).toString('base64')])),
  )
}

describe('the output', () => {
  it('holds every picture once, with the best captions first', async () => {
    const lost: string[] = []
    const summary = await run('whole', { onLoss: (name) => lost.push(name) })
    expect(summary).toMatchObject({ shards: 5, samples: COUNT, pictures: COUNT - BROKEN.length })
    expect(summary.kept.web + summary.kept.model).toBe(2 * summary.pictures)
    expect(lost).toEqual(BROKEN.map((i) => expect.stringContaining(`${i}.png`)))
    const { shards, total } = await openImg2dataset(file('whole'))
    expect(total).toMatchObject({ count: COUNT, successes: summary.pictures })
    const samples = (await Promise.all(shards.map(({ tar }) => collect(readShardSamples(tar))))).flat()
    const expected = Array.from({ length: COUNT }, (_, i) => i).filter((i) => !BROKEN.includes(i))
    expect(samples.map(({ key }) => Number(key))).toEqual(expected)
    for (const sample of samples) {
      const { captions, image } = captionedSample(sample)
      const i = Number(sample.key)
      expect(image).toEqual(new Uint8Array(await readFile(join(file('pictures'), `${i}.png`))))
      const { caption, candidates } = JSON.parse(Buffer.from(sample.files.get('json')!).toString())
      expect(captions).toEqual(caption)
      const similarities = candidates.map(({ similarity }: { similarity: number }) => similarity)
      expect(similarities).toEqual([...similarities].sort((a, b) => b - a))
      expect(candidates.map(({ text }: { text: string }) => text).slice(0, 2)).toEqual(caption)
      expect(candidates).toContainEqual(expect.objectContaining({ text: `number ${i}`, origin: 'web' }))
    }
  })

  it('is trained on by one caption of the best two at a time', async () => {
    const mixture = parseMixture(
      { sources: [{ name: 'capfilt', format: 'img2dataset', folder: file('whole'), bestCaptions: 2 }] },
      '/',
    )
    const seen = new Map<string, Set<string>>()
    const loader = await MixtureLoader.open(
      mixture,
      async ({ key, captions }, random) => [key, captions[random.integer(captions.length)]!] as const,
      { seed: 1 },
    )
    for (let i = 0; i < 21 * 12; i++) {
      const [key, caption] = (await loader.next()).result
      seen.set(key, (seen.get(key) ?? new Set()).add(caption))
    }
    await loader.close()
    expect(seen.size).toBe(21)
    for (const captions of seen.values()) expect(captions.size).toBe(2)
  })
})

describe('a run that ends early', () => {
  it.each([0, 1, 2, 5, 8])('goes on as if it had not, after batch %i', async (breakAt) => {
    const out = `broken-${breakAt}`
    await expect(run(out, {}, captioner(breakAt))).rejects.toThrow('the machine went down')
    await run(out, { resume: true })
    expect(await contents(out)).toEqual(await contents('whole'))
  })

  it('is not misled by what a killed process leaves', async () => {
    await run('killed')
    // The last shard was written, its statistics were not, and the one before was begun in an earlier life.
    await rm(join(file('killed'), '00004_stats.json'))
    await writeFile(join(file('killed'), '00004.tar'), 'half a shard')
    await writeFile(join(file('killed'), '00003.tar.4711.tmp'), 'half a shard')
    await run('killed', { resume: true })
    expect(await contents('killed')).toEqual(await contents('whole'))
  })

  it('changes nothing once all is done', async () => {
    const summary = await run('whole', { resume: true }, captioner(0))
    expect(summary).toMatchObject({ shards: 5, samples: COUNT })
  })

  it('must be resumed on purpose, and with the same settings', async () => {
    await expect(run('whole')).rejects.toThrow(/holds shards already.*--resume/)
    await expect(run('whole', { resume: true, count: 5 })).rejects.toThrow(/count differ/)
    await expect(run('whole', { resume: true, inputs: { data: 'other' } })).rejects.toThrow(ConfigError)
  })

  it('stops at a signal between batches', async () => {
    const stop = new AbortController()
    const progress: CapfiltProgress[] = []
    const onProgress = (one: CapfiltProgress) => {
      progress.push(one)
      if (progress.length === 3) stop.abort()
    }
    await expect(run('stopped', { signal: stop.signal, onProgress })).rejects.toThrow(/abort/i)
    expect(progress.map(({ done }) => done)).toEqual([3, 5, 8])
    expect(progress[2]!.fraction).toBeCloseTo(8 / COUNT)
    expect(progress[2]!.secondsLeft).toBeGreaterThan(0)
    expect((await readdir(file('stopped'))).sort()).toEqual(['00000.tar', '00000_stats.json', 'config.json'])
  })
})

it('stops where too much cannot be read', async () => {
  await writePictureFolder(file('bad'), 6, [0, 1, 2, 3, 4, 5])
  const models = { captioner: captioner(), ranker }
  const sources = await openInput(file('bad'), {})
  await expect(bootstrapCaptions(models, sources, options(file('none')))).rejects.toThrow(/none of the 6 pictures/)
  const strict = options(file('strict'), { judgeAfterSamples: 3 })
  await expect(bootstrapCaptions(models, sources, strict)).rejects.toThrow(DataError)
})
