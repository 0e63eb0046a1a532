import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CheckpointError, ConfigError, NonFiniteError } from '../../src/errors.js'
import { float32 } from '../../src/runtime/index.js'
import { type TrainingTask, train } from '../../src/train/loop.js'
import { type Stage1TrainingConfig, stage1Task } from '../../src/train/pretrain/stage1Task.js'
import { thisProcess } from '../../src/weights/lockOwner.js'
import { stage1Config, tinyEncoder, tinyPictures, wordPiece } from './pretrain/tiny.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-loop-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const STEPS = 8
const open: TrainingTask[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()))
})

async function task(changes: Partial<Stage1TrainingConfig> = {}): Promise<TrainingTask> {
  const parts = { encoder: tinyEncoder(), pictures: tinyPictures, tokenizer: wordPiece }
  const made = await stage1Task({ ...stage1Config(STEPS), ...changes }, parts)
  open.push(made)
  return made
}

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
      if (step === stopAt) controller.abort()
    },
  })
  await expect(stop).rejects.toMatchObject({ name: 'AbortError' })
  expect(await readFile(join(run, 'latest'), 'utf8')).toBe(`checkpoint-${stopAt}\n`)
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
    const other = await task({ dropout: 0.2, schedule: { ...stage1Config(STEPS).schedule, peak: 1 } })
    const refused = train(other, { directory, resume: true })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow('(schedule.peak, dropout differ)')
  })

  it('refuses a directory that another training is busy in, and goes on in that of one that was killed', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    await writeFile(join(directory, 'training.lock'), JSON.stringify({ ...(await thisProcess()), pid }))
    const [first, second] = await Promise.allSettled([
      train(await task(), { directory }),
      train(await task(), { directory }),
    ])
    const refused = [first, second].filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    expect(refused.map(({ reason }) => reason)).toEqual([
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(`process ${process.pid} on `) }),
    ])
    expect((await metricsOf(directory)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(await readdir(directory)).not.toContain('training.lock')
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

  it('stops before the first step where it was told to beforehand, and leaves no trace', async () => {
    const run = join(directory, 'run')
    await expect(train(await task(), { directory: run, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(readdir(run)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('begins where there is nothing to resume, in a directory that is missing or empty', async () => {
    const starts: number[] = []
    for (const run of [join(directory, 'missing'), directory])
      await train(await task({ steps: 2 }), { directory: run, resume: true, onStart: (done) => starts.push(done) })
    expect(starts).toEqual([0, 0])
  })

  it('does nothing more in a run that is over, and fills in its weights', async () => {
    const first = await task()
    await train(first, { directory })
    const [again, progress, starts] = [await task(), vi.fn(), vi.fn()]
    await train(again, { directory, resume: true, onProgress: progress, onStart: starts })
    expect(progress).not.toHaveBeenCalled()
    expect(starts).toHaveBeenCalledExactlyOnceWith(STEPS)
    for (const { name, value } of first.program.memory.parameters)
      expect(again.program.memory.value(name), name).toEqual(value)
    expect((await metricsOf(directory)).length).toBe(STEPS)
  })

  it('refuses a checkpoint beyond the steps of the task', async () => {
    const whole = await task()
    await train(whole, { directory })
    const shorter = { ...(await task()), steps: STEPS - 1 }
    await expect(train(shorter, { directory, resume: true })).rejects.toThrow(/checkpoint-8 is beyond the 7 steps/)
  })

  it('finds the run of the same settings whatever the order of their names', async () => {
    await interrupted(directory, 2)
    const same = await task()
    const reversed = { ...same, config: Object.fromEntries(Object.entries(same.config).reverse()) }
    await train(reversed, { directory, resume: true })
    expect((await metricsOf(directory)).length).toBe(STEPS)
  })

  it('reports scores where they are due, and at the end', async () => {
    let runs = 0
    const validation = { every: 3, run: async () => ({ recall: ++runs / 10 }) }
    await train({ ...(await task()), validation }, { directory })
    const scored = (await metricsOf(directory)).filter((line) => 'recall' in line)
    expect(scored.map(({ step, recall }) => [step, recall])).toEqual([
      [3, 0.1],
      [6, 0.2],
      [8, 0.3],
    ])
  })

  it('keeps the step whose validation fails', async () => {
    const validation = { every: 3, run: () => Promise.reject(new Error('no room for the gallery')) }
    await expect(train({ ...(await task()), validation }, { directory })).rejects.toThrow('no room for the gallery')
    expect(await readFile(join(directory, 'latest'), 'utf8')).toBe('checkpoint-3\n')
    await train(await task(), { directory, resume: true })
    expect((await metricsOf(directory)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})
