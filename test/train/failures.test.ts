import { linkSync, renameSync, symlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readShardSamples } from '../../src/data/webdataset/samples.js'
import { TAR_END, tarMember } from '../../src/data/webdataset/tarWriter.js'
import { type TrainingTask, type TrainOptions, train } from '../../src/train/loop.js'
import { stage2Task } from '../../src/train/pretrain/stage2Task.js'
import { bpe, stage2Config, tinyEncoder, tinyLanguage, tinyPictures } from './pretrain/tiny.js'

/** What may go wrong around a training. Each test ends with the same command going on to the losses of a quiet run. */

const STEPS = 8
const open: TrainingTask[] = []
let directory: string
const createDirectory = async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-failures-'))
}
const clear = async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()))
  await rm(directory, { recursive: true, force: true })
}
/** The steps of a run that nothing happens to. */
let quiet: readonly Line[]
beforeAll(async () => {
  await createDirectory()
  await train(await newTask(), command('quiet'))
  quiet = await linesOf('quiet')
  await clear()
})
beforeEach(createDirectory)
afterEach(clear)

async function newTask(): Promise<TrainingTask> {
  const parts = { encoder: tinyEncoder(), language: tinyLanguage(), tokenizer: bpe, stage1: undefined }
  const task = await stage2Task(stage2Config(STEPS), { ...parts, pictures: tinyPictures })
  open.push(task)
  return task
}

const run = (name: string) => join(directory, name)
const command = (name: string): TrainOptions => ({ directory: run(name), resume: true, checkpointEvery: 2 })

interface Line {
  readonly step: number
  readonly loss: number
  readonly samplesPerSecond: number
}

const linesOf = async (name: string): Promise<Line[]> =>
  (await readFile(join(run(name), 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

/** Runs the command once more, and compares with the quiet run. */
async function expectToGoOn(name: string, options: Partial<TrainOptions> = {}) {
  await train(await newTask(), { ...command(name), ...options })
  const found = await linesOf(name)
  expect(found.map(({ step }) => step)).toEqual(quiet.map(({ step }) => step))
  for (const [i, { loss }] of quiet.entries())
    expect(Math.abs(found[i]!.loss - loss) / loss, `step ${i + 1}`).toBeLessThan(1e-6)
}

/** Does something when a number of steps is done. */
const at = (steps: number, act: () => Promise<unknown>): NonNullable<TrainOptions['onProgress']> => {
  return ({ step }) => {
    if (step === steps) void act()
  }
}

const onLinux = process.platform === 'linux'

describe('a training', () => {
  it.skipIf(!onLinux)('whose disk fills up ends with the system’s words, and goes on once there is room', async () => {
    const metrics = join(run('full'), 'metrics.jsonl')
    const fill = async () => {
      linkSync(metrics, `${metrics}.kept`)
      symlinkSync('/dev/full', `${metrics}.full`)
      renameSync(`${metrics}.full`, metrics)
    }
    const failed = train(await newTask(), { ...command('full'), onProgress: at(5, fill) })
    await expect(failed).rejects.toThrow(/ENOSPC: no space left on device/)
    await rename(`${metrics}.kept`, metrics)
    expect(await readFile(join(run('full'), 'latest'), 'utf8')).toMatch(/checkpoint-[46]\n/)
    await expectToGoOn('full')
  })

  it.skipIf(!onLinux)('is refused by a directory that cannot be written, before the first step', async () => {
    const task = await newTask()
    const feeds = vi.fn(task.feeds)
    const failed = train({ ...task, feeds }, { directory: '/sys/blip2-run' })
    await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/EROFS|EACCES|EPERM|ENOENT/) })
    expect(feeds).not.toHaveBeenCalled()
  })

  it('takes the newest whole checkpoint in the place of a damaged one, and says so', async () => {
    const controller = new AbortController()
    const stop = at(6, async () => controller.abort())
    const stopped = train(await newTask(), { ...command('damaged'), signal: controller.signal, onProgress: stop })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    await truncate(join(run('damaged'), 'checkpoint-6', 'optimizer.safetensors'), 1000)
    const weights = join(run('damaged'), 'checkpoint-4', 'weights.safetensors')
    const bytes = await readFile(weights)
    bytes[bytes.length - 5]! ^= 1
    await writeFile(weights, bytes)
    const notices: string[] = []
    const starts: number[] = []
    const options = { onNotice: (text: string) => notices.push(text), onStart: (done: number) => starts.push(done) }
    await expectToGoOn('damaged', options)
    expect(starts).toEqual([2])
    expect(notices).toEqual([
      expect.stringMatching(/optimizer\.safetensors has 1000 of \d+ bytes.*checkpoint-2 is whole: going on from there/),
    ])
  })

  it('that misses a shard on its way ends with its name, and goes on when it is there again', async () => {
    const shard = (step: number) => join(directory, `shard-${Math.floor(step / 2)}.tar`)
    for (let step = 0; step < STEPS; step += 2)
      await writeFile(shard(step), Buffer.concat([tarMember('0.txt', Buffer.from('a square')), TAR_END]))
    const withShards = async (): Promise<TrainingTask> => {
      const task = await newTask()
      const feeds = async (step: number) => {
        for await (const { key } of readShardSamples(shard(step))) expect(key).toBe('0')
        return task.feeds(step)
      }
      return { ...task, feeds }
    }
    const away = () => rename(shard(6), join(directory, 'elsewhere'))
    await away()
    await expect(train(await withShards(), command('shards'))).rejects.toThrow(/shard-3\.tar/)
    await rename(join(directory, 'elsewhere'), shard(6))
    await train(await withShards(), command('shards'))
    await expectToGoOn('shards')
  })

  it('does not mind a clock that is set back or forward', async () => {
    let shift = 0
    const now = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => now() + shift)
    const jump = async () => {
      shift -= 86_400_000
    }
    await train(await newTask(), { ...command('clock'), onProgress: at(3, jump) })
    for (const { samplesPerSecond } of await linesOf('clock')) expect(samplesPerSecond).toBeGreaterThan(0)
    shift = 86_400_000
    await expectToGoOn('clock')
  })

  it('is not disturbed by what a crash has left of a checkpoint', async () => {
    await mkdir(join(run('crashed'), 'checkpoint-2.tmp'), { recursive: true })
    await writeFile(join(run('crashed'), 'checkpoint-2.tmp', 'weights.safetensors'), 'half')
    await expectToGoOn('crashed')
  })
})
