import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DataError, DisposedError, WeightsError } from '../../../src/errors.js'
import type { TrainingTask } from '../../../src/train/loop.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { stage1Task } from '../../../src/train/pretrain/stage1Task.js'
import { stage2Task } from '../../../src/train/pretrain/stage2Task.js'
import { heldWeights } from '../../../src/weights/heldWeights.js'
import { bpe, stage1Config, stage2Config, tinyEncoder, tinyLanguage, tinyPictures, wordPiece } from './tiny.js'

const hash = (weights: ReadonlyMap<string, Float32Array>) =>
  [...weights].map(([name, data]) => `${name} ${createHash('sha256').update(data).digest('hex')}`)

async function run({ program, steps, feeds, schedule, weightDecay }: TrainingTask) {
  const optimizer = new AdamW(program.memory, { groups: parameterGroups(program.memory.parameters, { weightDecay }) })
  const losses: Record<string, number>[] = []
  for (let step = 0; step < steps; step++) {
    losses.push(await program.run(step, await feeds(step)))
    optimizer.step({ lr: schedule(step), clipNorm: 1 })
  }
  return losses
}

const meanOf = (losses: readonly Record<string, number>[], name: string) =>
  losses.reduce((sum, line) => sum + line[name]!, 0) / losses.length

describe('stage 1', () => {
  it('lowers each of its three losses and leaves the frozen encoder as it was', async () => {
    const encoder = tinyEncoder()
    const before = hash(encoder.weights)
    await using task = await stage1Task(stage1Config(80), { encoder, pictures: tinyPictures, tokenizer: wordPiece })
    const losses = await run(task)
    for (const term of ['itc', 'itm', 'itg'])
      expect(meanOf(losses.slice(-8), term), term).toBeLessThan(meanOf(losses.slice(0, 4), term))
    expect(meanOf(losses.slice(-8), 'itg')).toBeLessThan(0.7 * meanOf(losses.slice(0, 4), 'itg'))
    expect(task.program.memory.parameters.map(({ name }) => name).filter((name) => name.startsWith('visual'))).toEqual(
      [],
    )
    expect(hash(encoder.weights)).toEqual(before)
  })
})

describe('stage 1 with distractors', () => {
  it('tells pictures from so many captions more, and learns', async () => {
    const setting = { encoder: tinyEncoder(), pictures: tinyPictures, tokenizer: wordPiece }
    const config = { ...stage1Config(60), distractors: 5 }
    await using task = await stage1Task(config, setting)
    await using plain = await stage1Task(stage1Config(60), setting)
    const [feeds, plainFeeds] = [await task.feeds(0), await plain.feeds(0)]
    expect(feeds['distractor_ids']!.shape).toEqual([5, config.tokens])
    expect(feeds['text_noise']!.shape).toEqual([config.batch, config.batch + 5])
    expect(feeds['ids']).toEqual(plainFeeds['ids'])
    const losses = await run(task)
    expect(losses[0]!['itg']).toBeCloseTo((await plain.program.run(0, plainFeeds))['itg']!, 5)
    expect(losses[0]!['itc']).toBeGreaterThan((await plain.program.run(0, plainFeeds))['itc']!)
    for (const term of ['itc', 'itm', 'itg'])
      expect(meanOf(losses.slice(-8), term), term).toBeLessThan(meanOf(losses.slice(0, 4), term))
  })
})

describe('stage 1 on many pictures', () => {
  it('gives batches of short captions to a smaller program', async () => {
    const many = { ...tinyPictures, length: 40 * tinyPictures.length }
    const at = (index: number) => index % tinyPictures.length
    const pictures = {
      length: many.length,
      picture: (index: number) => tinyPictures.picture(at(index)),
      mayMirror: (index: number) => tinyPictures.mayMirror(at(index)),
      imageId: (index: number) => tinyPictures.imageId(at(index)),
      captions: (index: number) => [index % 3 === 0 ? 'a' : tinyPictures.captions(at(index))[0]!],
    }
    const config = stage1Config(6)
    await using task = await stage1Task(config, { encoder: tinyEncoder(), pictures, tokenizer: wordPiece })
    const shapes = []
    for (let step = 0; step < 6; step++) {
      const feeds = await task.feeds(step)
      shapes.push(feeds['ids']!.shape)
      expect(Object.values(await task.program.run(step, feeds)).every(Number.isFinite)).toBe(true)
    }
    expect(new Set(shapes.map(([, tokens]) => tokens))).toEqual(
      new Set([Math.ceil(0.4 * config.tokens), config.tokens]),
    )
  })
})

describe('stage 2', () => {
  it("lowers the loss through the frozen language model, whose bytes and the encoder's do not change", async () => {
    const [encoder, language] = [tinyEncoder(), tinyLanguage()]
    const before = [...hash(encoder.weights), ...hash(language)]
    const parts = { encoder, language, tokenizer: bpe, pictures: tinyPictures, stage1: undefined }
    await using task = await stage2Task(stage2Config(60), parts)
    const losses = await run(task)
    expect(meanOf(losses.slice(-5), 'loss')).toBeLessThan(meanOf(losses.slice(0, 3), 'loss'))
    expect([...hash(encoder.weights), ...hash(language)]).toEqual(before)
    expect(task.program.memory.parameters.some(({ name }) => name.startsWith('opt_model.'))).toBe(false)
  })

  it('starts from the weights of stage 1 that it shares', async () => {
    const encoder = tinyEncoder()
    await using first = await stage1Task(stage1Config(1), { encoder, pictures: tinyPictures, tokenizer: wordPiece })
    const stage1 = new Map(first.program.memory.parameters.map(({ name, value }) => [name, value.slice()]))
    stage1.get('query_tokens')!.fill(0.125)
    const parts = { encoder, language: tinyLanguage(), tokenizer: bpe, pictures: tinyPictures, stage1 }
    await using second = await stage2Task(stage2Config(1), parts)
    const { program } = second
    expect(program.memory.value('query_tokens').every((value) => value === 0.125)).toBe(true)
    expect(program.memory.value('Qformer.bert.encoder.layer.0.intermediate_query.dense.weight')).toEqual(
      stage1.get('Qformer.bert.encoder.layer.0.intermediate_query.dense.weight'),
    )
  })

  it('lists the weights that stage 1, the language model or the encoder lack', async () => {
    const [encoder, language] = [tinyEncoder(), tinyLanguage()]
    const parts = { encoder, language, tokenizer: bpe, pictures: tinyPictures, stage1: undefined }
    const config = stage2Config(1)
    await expect(stage2Task(config, { ...parts, stage1: new Map() })).rejects.toThrow(
      /stage 1 lacks the weights .*query_tokens/,
    )
    const [name] = language.keys()
    language.delete(name!)
    await expect(stage2Task(config, parts)).rejects.toThrow(`the language model lacks the weights ${name}`)
    const broken = { ...encoder, open: async () => heldWeights(new Map([...encoder.weights].slice(1))) }
    await expect(stage2Task(config, { ...parts, encoder: broken })).rejects.toThrow(WeightsError)
  })
})

describe('a task that is disposed', () => {
  it('has freed its program and the frozen encoder, and keeps its weights', async () => {
    const task = await stage1Task(stage1Config(1), {
      encoder: tinyEncoder(),
      pictures: tinyPictures,
      tokenizer: wordPiece,
    })
    const feeds = await task.feeds(0)
    await task[Symbol.asyncDispose]()
    await expect(task.program.run(0, feeds)).rejects.toThrow(DisposedError)
    await expect(Promise.resolve(task.feeds(0))).rejects.toThrow(DisposedError)
    expect(task.program.memory.value('query_tokens').some((value) => value !== 0)).toBe(true)
  })
})

describe('pictures that cannot be trained on', () => {
  const parts = { encoder: tinyEncoder(), tokenizer: wordPiece }

  it('are none at all, and in stage 1 those of one thing', async () => {
    const none = { ...parts, language: tinyLanguage(), stage1: undefined, pictures: { ...tinyPictures, length: 0 } }
    await expect(stage2Task(stage2Config(1), none)).rejects.toThrow(DataError)
    const alike = { ...parts, pictures: { ...tinyPictures, imageId: () => 4 } }
    await expect(stage1Task(stage1Config(1), alike)).rejects.toThrow(/at least two different ones, got 1/)
  })
})
