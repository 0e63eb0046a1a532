import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { cacheFeatures } from '../../../src/train/recipes/cacheFeatures.js'
import { pretrainStage1 } from '../../../src/train/recipes/pretrain.js'
import { frozenFixture, writeBert } from '../../frozen/fixtures.js'
import { writeTinyCaptionFolder } from './tinyCaptionFolder.js'

let parent: string
const file = (name: string) => join(parent, name)
const cache = (encoder: 'clip' | 'vit', out: string) =>
  cacheFeatures({
    ...{ model: frozenFixture(encoder), data: file('pictures'), preset: 'emoji-quick', out: file(out) },
    ...{ views: 2, seed: 0, resume: false, batch: 4 },
  })
const stage1 = (vision: 'clip' | 'vit', features: string, out: string) =>
  pretrainStage1({
    ...{ preset: 'emoji-quick', steps: 2, out: file(out), resume: false, data: file('pictures') },
    ...{ vision: frozenFixture(vision), bert: file('bert'), features: file(features) },
  })

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'blip2-cache-features-'))
  await writeTinyCaptionFolder(file('pictures'))
  await writeBert(file('bert'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

describe('features of an encoder of transformers', () => {
  it.each(['clip', 'vit'] as const)('are cached, and trained from: %s', async (encoder) => {
    const index = await cache(encoder, `features-${encoder}`)
    expect(index).toMatchObject({ pictures: 4, views: { count: 2 }, width: 16 })
    await stage1(encoder, `features-${encoder}`, `stage1-${encoder}`)
    const metrics = (await readFile(file(`stage1-${encoder}/metrics.jsonl`), 'utf8')).trim().split('\n')
    expect(metrics).toHaveLength(2)
    for (const line of metrics) expect(JSON.parse(line).loss).toBeGreaterThan(0)
  })

  it('are refused by a training with another encoder', async () => {
    await cache('clip', 'features')
    await expect(stage1('vit', 'features', 'refused')).rejects.toThrow(ConfigError)
    await expect(stage1('vit', 'features', 'refused')).rejects.toThrow(/made with another image encoder/)
  })
})
