import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureReader } from '../../../src/data/featureCache/featureReader.js'
import { writeFeatures } from '../../../src/data/featureCache/writeFeatures.js'
import type { TrainingTask } from '../../../src/train/loop.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { FrozenEncoder } from '../../../src/train/pretrain/frozenEncoder.js'
import { stage1Task } from '../../../src/train/pretrain/stage1Task.js'
import { stage2Task } from '../../../src/train/pretrain/stage2Task.js'
import { bpe, stage1Config, stage2Config, tinyEncoder, tinyLanguage, tinyPictures, wordPiece } from './tiny.js'

const STEPS = 8
const views = { count: 2, seed: 3 }
const identity = { encoder: 'a'.repeat(64), preprocessing: 'b'.repeat(64), data: 'c'.repeat(64) }
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-cached-'))
  const encoder = tinyEncoder()
  const { mean, std, config } = encoder
  const frozen = await FrozenEncoder.create(encoder, 4)
  const input = {
    pictures: tinyPictures,
    augment: { ...stage1Config(STEPS).augment, size: config.imageSize, mean, std },
    identity,
    tokens: frozen.tokens,
    width: config.width,
    batch: 4,
    encode: async (images: Float32Array) => (await frozen.encode(images)).data as Float32Array,
  }
  await writeFeatures(folder, input, { views })
  await frozen.dispose()
})
afterAll(() => rm(folder, { recursive: true }))

async function losses({ program, steps, feeds, schedule, weightDecay }: TrainingTask): Promise<number[]> {
  const optimizer = new AdamW(program.memory, { groups: parameterGroups(program.memory.parameters, { weightDecay }) })
  const found: number[] = []
  for (let step = 0; step < steps; step++) {
    found.push((await program.run(step, await feeds(step)))['loss']!)
    optimizer.step({ lr: schedule(step), clipNorm: 1 })
  }
  return found
}

describe('a training from cached features', () => {
  it.each(['stage 1', 'stage 2'])('%s equals one that computes the same views, to float16 rounding', async (stage) => {
    await using features = await FeatureReader.open(folder, identity)
    const open = (cached: boolean) => {
      const parts = { encoder: tinyEncoder(), pictures: tinyPictures, ...(cached ? { features } : {}) }
      return stage === 'stage 1'
        ? stage1Task({ ...stage1Config(STEPS), views }, { ...parts, tokenizer: wordPiece })
        : stage2Task(
            { ...stage2Config(STEPS), views },
            { ...parts, language: tinyLanguage(), tokenizer: bpe, stage1: undefined },
          )
    }
    await using computed = await open(false)
    await using cached = await open(true)
    const [a, b] = [await computed.feeds(3), await cached.feeds(3)]
    expect(b['features']!.shape).toEqual(a['features']!.shape)
    const [wanted, found] = [a['features']!.data as Float32Array, b['features']!.data as Float32Array]
    wanted.forEach((value, i) => {
      expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(Math.max(1e-4, Math.abs(value) * 2 ** -10))
    })
    const [without, from] = [await losses(computed), await losses(cached)]
    from.forEach((loss, step) => {
      expect(Math.abs(loss - without[step]!), `step ${step}`).toBeLessThan(5e-3 * without[step]!)
    })
  })

  it('draws among all views', async () => {
    await using features = await FeatureReader.open(folder, identity)
    const parts = { encoder: tinyEncoder(), pictures: tinyPictures, features, tokenizer: wordPiece }
    await using task = await stage1Task({ ...stage1Config(STEPS), views }, parts)
    const seen = new Set<number>()
    for (let step = 0; step < STEPS; step++) {
      const data = (await task.feeds(step))['features']!.data as Float32Array
      for (let i = 0; i < data.length; i += data.length / 6) seen.add(data[i + 20]!)
    }
    expect(seen.size).toBeGreaterThan(tinyPictures.length)
  })
})
