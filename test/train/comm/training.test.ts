import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCheckpoint } from '../../../src/train/checkpoint/load.js'
import { train } from '../../../src/train/loop.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { compilePrograms, launch, type Programs } from './launch.js'
import { type Gradients, type Kind, openShared, trainShared } from './sharedTraining.js'

let programs: Programs
let directory: string
beforeAll(async () => {
  programs = await compilePrograms()
  directory = await mkdtemp(join(tmpdir(), 'blip2-shared-'))
})
afterAll(async () => {
  programs?.remove()
  await rm(directory, { recursive: true, force: true })
})

const STEPS = 50

/** On two ranks, each with half of every batch. */
async function onTwoRanks(family: 'Open MPI' | 'MPICH', ...args: readonly string[]): Promise<string> {
  const { code, output } = await launch(family, programs.path('training'), args)
  expect(code, output).toBe(0)
  return output
}

async function inOneProcess(kind: Kind, steps: number, run: string): Promise<void> {
  await using task = await openShared(kind, steps)
  await trainShared(task, { directory: run })
}

const gradientsOf = async (run: string): Promise<Gradients> =>
  JSON.parse(await readFile(join(run, 'gradients.json'), 'utf8')) as Gradients

async function metricsOf(run: string): Promise<Record<string, number>[]> {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, number>)
}

const OF_THE_MACHINE = ['samplesPerSecond', 'residentBytes']

/** Largest difference of each metric over its size, of each line. */
function expectAlike(found: Record<string, number>[], expected: Record<string, number>[], tolerance: number) {
  expect(found.map(({ step }) => step)).toEqual(expected.map(({ step }) => step))
  for (const [i, line] of expected.entries())
    for (const name of Object.keys(line).filter((key) => !OF_THE_MACHINE.includes(key)))
      expect(Math.abs(found[i]![name]! - line[name]!) / line[name]!, `${name} of step ${i + 1}`).toBeLessThan(tolerance)
}

describe('two ranks with half of each batch', () => {
  it.each([
    ['stage1', 'Open MPI'],
    ['stage1 gathered', 'MPICH'],
    ['stage1 distractors', 'MPICH'],
    ['stage2', 'MPICH'],
    ['stage2 t5', 'Open MPI'],
    ['answers', 'MPICH'],
  ] as const)('have the gradients and losses of one with all of it: %s under %s', async (kind, family) => {
    const [alone, shared] = [join(directory, `${kind} alone`), join(directory, `${kind} shared`)]
    await inOneProcess(kind, STEPS, alone)
    await onTwoRanks(family, kind, `${STEPS}`, shared)
    const [expected, found] = [await gradientsOf(alone), await gradientsOf(shared)]
    for (const [name, values] of Object.entries(expected)) {
      const difference = Math.max(...values.map((value, i) => Math.abs(found[name]![i]! - value)))
      const largest = Math.max(...values.map(Math.abs))
      // A key bias shifts all scores of a row alike: its gradient is nothing but rounding.
      expect(difference, name).toBeLessThan(Math.max(1e-5 * largest, 2e-8))
    }
    expectAlike(await metricsOf(shared), await metricsOf(alone), 1e-3)
  })

  it('stop together when one is told to, and one process goes on from their checkpoint, with a notice', async () => {
    const [whole, parts] = [join(directory, 'whole'), join(directory, 'parts')]
    await inOneProcess('stage1', 8, whole)
    expect(await onTwoRanks('Open MPI', 'stage1', '8', parts, 'stop')).toContain('training stopped')
    expect(await readFile(join(parts, 'latest'), 'utf8')).toBe('checkpoint-3\n')
    await using task = await openShared('stage1', 8)
    const notices: string[] = []
    await train(task, { directory: parts, resume: true, onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual([expect.stringMatching(/step 3 was written by a training of 2 ranks, this one has 1/)])
    expectAlike(await metricsOf(parts), await metricsOf(whole), 1e-3)
  })

  it.each(['Open MPI', 'MPICH'] as const)(
    'share the optimiser out, write it whole, and each take their share again: %s',
    async (family) => {
      const [whole, parts] = [join(directory, `whole ${family}`), join(directory, `sharded ${family}`)]
      await inOneProcess('stage2', 8, whole)
      await onTwoRanks(family, 'stage2', '8', parts, 'stop', 'sharded')
      expect(await readFile(join(parts, 'latest'), 'utf8')).toBe('checkpoint-3\n')
      await onTwoRanks(family, 'stage2', '8', parts, 'resume', 'sharded')
      expectAlike(await metricsOf(parts), await metricsOf(whole), 1e-3)
      await using task = await openShared('stage2', 8)
      const { memory } = task.program
      const moments = new AdamW(memory, { groups: parameterGroups(memory.parameters) }).moments()
      await using expected = await (await loadCheckpoint(join(whole, 'checkpoint-8'))).openOptimizer(moments)
      await using found = await (await loadCheckpoint(join(parts, 'checkpoint-8'))).openOptimizer(moments)
      for (const name of moments.keys()) {
        const [one, other] = [await expected.read(name), await found.read(name)]
        const largest = Math.max(...one.map(Math.abs))
        const difference = Math.max(...one.map((value, i) => Math.abs(value - other[i]!)))
        expect(difference, name).toBeLessThan(Math.max(1e-3 * largest, 1e-8))
      }
    },
  )

  it('go on from the checkpoint of one process, with a notice', async () => {
    const run = join(directory, 'begun alone')
    await using task = await openShared('stage1', 8)
    const controller = new AbortController()
    const stopped = train(task, {
      directory: run,
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === 4) controller.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    expect(await onTwoRanks('MPICH', 'stage1', '8', run, 'resume')).toMatch(/notice: .* of 1 ranks, this one has 2/)
    expect((await metricsOf(run)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})
