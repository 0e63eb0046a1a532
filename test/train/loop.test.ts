import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, NonFiniteError } from '../../src/errors.js'
import { float32 } from '../../src/runtime/index.js'
import { type TrainingTask, train } from '../../src/train/loop.js'
import { stage1Task } from '../../src/train/pretrain/stage1Task.js'
import { stage1Config, tinyEncoder, tinyPictures, wordPiece } from './pretrain/tiny.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-loop-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const STEPS = 8
const task = () =>
  stage1Task(stage1Config(STEPS), { encoder: tinyEncoder(), pictures: tinyPictures, tokenizer: wordPiece })

async function metricsOf(run: string) {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, number>)
}

/** Trains until `stopAt` steps are done, as Ctrl-C would end it. */
async function interrupted(run: string, stopAt: number) {
  const controller = new AbortController()
  const stop = train(await task(), {
    directory: run,
    signal: controller.signal,
    onProgress: ({ step }) => {
      if (step === stopAt - 1) controller.abort()
    },
  })
  await expect(stop).rejects.toMatchObject({ name: 'AbortError' })
}

describe('train', () => {
  it('resumes to the losses of the uninterrupted run, dropout and drawn negatives included', async () => {
    const [whole, parts] = [join(directory, 'whole'), join(directory, 'parts')]
    await train(await task(), { directory: whole })
    await interrupted(parts, 5)
    expect((await metricsOf(parts)).at(-1)!.step).toBe(5)
    await train(await task(), { directory: parts, resume: true })
    const [expected, found] = [await metricsOf(whole), await metricsOf(parts)]
    expect(found.map(({ step }) => step)).toEqual(expected.map(({ step }) => step))
    for (const [i, line] of expected.entries())
      for (const name of ['loss', 'itc', 'itm', 'itg', 'gradientNorm'])
        expect(Math.abs(found[i]![name]! - line[name]!) / line[name]!, `${name} of step ${i + 1}`).toBeLessThan(1e-6)
  })

  it('forgets metrics of steps after the checkpoint, a line cut by a crash included', async () => {
    await interrupted(directory, 3)
    const path = join(directory, 'metrics.jsonl')
    await writeFile(path, `${await readFile(path, 'utf8')}{"step":4,"loss":1}\n{"step":5,"lo`)
    await train(await task(), { directory, resume: true })
    expect((await metricsOf(directory)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('refuses a directory that holds a run unless told to resume, and another configuration always', async () => {
    await interrupted(directory, 2)
    await expect(train(await task(), { directory })).rejects.toThrow(/step 2 of 8.*--resume/)
    const other = await stage1Task(
      { ...stage1Config(STEPS), dropout: 0.2 },
      { encoder: tinyEncoder(), pictures: tinyPictures, tokenizer: wordPiece },
    )
    const refused = train(other, { directory, resume: true })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(/dropout/)
  })

  it('gives one clear line for a truncated checkpoint and keeps the files', async () => {
    await interrupted(directory, 2)
    const weights = join(directory, 'checkpoint-2', 'weights.safetensors')
    const bytes = await readFile(weights)
    await writeFile(weights, bytes.subarray(0, bytes.length - 9))
    await expect(train(await task(), { directory, resume: true })).rejects.toThrow(CheckpointError)
    await expect(train(await task(), { directory, resume: true })).rejects.toThrow(
      /weights\.safetensors has \d+ of \d+ bytes/,
    )
  })

  it('stops with the name of the term that is not a number, and keeps the last good checkpoint', async () => {
    const good = await task()
    const broken: TrainingTask = {
      ...good,
      feeds: async (step) => {
        const feeds = await good.feeds(step)
        const features = feeds['features']!
        const nan = float32(features.shape, new Float32Array(features.data.length).fill(Number.NaN))
        return step < 3 ? feeds : { ...feeds, features: nan }
      },
    }
    const failed = train(broken, { directory, checkpointEvery: 2 })
    await expect(failed).rejects.toThrow(NonFiniteError)
    await expect(failed).rejects.toThrow(/step 3: the term 'it[cmg]' is NaN/)
    expect(await readFile(join(directory, 'latest'), 'utf8')).toBe('checkpoint-2\n')
    await train(await task(), { directory, resume: true })
    expect((await metricsOf(directory)).length).toBe(STEPS)
  })
})
