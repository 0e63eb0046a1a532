import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { CheckpointError, ConfigError, WeightsError } from '../../../src/errors.js'
import { loadCheckpoint, loadLatestCheckpoint } from '../../../src/train/checkpoint/load.js'
import { type CheckpointContents, saveCheckpoint } from '../../../src/train/checkpoint/save.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import { ParameterMemory } from '../../../src/train/optimizer/parameterMemory.js'
import { Random } from '../../../src/train/random/random.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rm(root, { recursive: true }))

function contents(step: number, values: number[] = [1, 2]): CheckpointContents {
  const tensor = { shape: [2], data: Float32Array.from(values) }
  return {
    step,
    weights: new Map([['w', tensor]]),
    optimizer: new Map([['first_moment.w', tensor]]),
    state: { random: new Random(1).state, cursor: [3, 0.1] },
    configHash: 'abc',
  }
}

/** A small training run: its parameters, optimiser and generator. */
function makeRun() {
  const memory = new ParameterMemory([
    { name: 'w', shape: [3, 2] },
    { name: 'b', shape: [3] },
  ])
  return { memory, adamw: new AdamW(memory, { groups: parameterGroups(memory.parameters) }) }
}

const values = ({ memory }: ReturnType<typeof makeRun>) =>
  new Map(memory.parameters.map(({ name, shape, value }) => [name, { shape, data: value }]))

function train(run: ReturnType<typeof makeRun>, random: Random, steps: number): void {
  for (let i = 0; i < steps; i++) {
    for (const { gradient } of run.memory.parameters)
      for (let j = 0; j < gradient.length; j++) gradient[j] = random.normal()
    run.adamw.step({ lr: 0.01 })
  }
}

describe('a checkpoint', () => {
  it('resumes a run to the same bits', async () => {
    const whole = makeRun()
    const random = new Random(5)
    train(whole, random, 3)
    const state = { optimizerSteps: whole.adamw.steps, random: random.state }
    const saved = { step: 3, weights: values(whole), optimizer: whole.adamw.moments(), state, configHash: 'abc' }
    await saveCheckpoint(root, saved)
    train(whole, random, 4)

    const resumed = makeRun()
    const checkpoint = (await loadLatestCheckpoint(root, { configHash: 'abc' }))!
    expect(checkpoint).toMatchObject({ step: 3, state, configHash: 'abc', path: join(root, 'checkpoint-3') })
    await checkpoint.restoreWeights(values(resumed))
    await checkpoint.restoreOptimizer(resumed.adamw.moments())
    const restored = checkpoint.state as typeof state
    resumed.adamw.steps = restored.optimizerSteps
    train(resumed, Random.fromState(restored.random), 4)
    for (const { name, value } of whole.memory.parameters) expect(resumed.memory.value(name)).toEqual(value)
  })

  it('is undefined where there is none yet', async () => {
    expect(await loadLatestCheckpoint(root)).toBeUndefined()
    expect(await loadLatestCheckpoint(join(root, 'absent'))).toBeUndefined()
  })

  it('keeps the last ones only, and those of later steps', async () => {
    await saveCheckpoint(root, contents(900))
    for (const step of [8, 9, 10, 11]) await saveCheckpoint(root, contents(step), { keep: 2 })
    expect((await readdir(root)).sort()).toEqual(['checkpoint-10', 'checkpoint-11', 'checkpoint-900', 'latest'])
    expect((await loadLatestCheckpoint(root))?.step).toBe(11)
    await expect(saveCheckpoint(root, contents(12), { keep: 0 })).rejects.toThrow(ConfigError)
  })

  it('replaces one of the same step', async () => {
    await saveCheckpoint(root, contents(1, [1, 1]))
    await saveCheckpoint(root, contents(1, [7, 7]))
    const into = { shape: [2], data: new Float32Array(2) }
    await (await loadLatestCheckpoint(root))!.restoreWeights(new Map([['w', into]]))
    expect([...into.data]).toEqual([7, 7])
    expect((await readdir(root)).sort()).toEqual(['checkpoint-1', 'latest'])
  })

  it.each(['weights.safetensors', 'optimizer.safetensors', 'state.json'])(
    'notices that %s was damaged',
    async (file) => {
      await saveCheckpoint(root, contents(1))
      await saveCheckpoint(root, contents(2))
      const path = join(root, 'checkpoint-2', file)
      const good = await readFile(path)
      const advice = `${join(root, 'checkpoint-1')} is whole: to resume from it, write checkpoint-1 into ${join(root, 'latest')}`
      const failure = async () => {
        const error = await loadLatestCheckpoint(root).catch((error: unknown) => error)
        expect(error).toBeInstanceOf(CheckpointError)
        expect((error as Error).message).toContain(advice)
        expect((error as Error).message).toContain(path)
        expect((error as Error).message).not.toContain('\n')
      }
      await truncate(path, good.length - 3)
      await failure()
      // The last digit or byte: a change that leaves JSON and header valid.
      const altered = Buffer.from(good)
      const at = file === 'state.json' ? good.lastIndexOf('0.1') + 2 : good.length - 1
      altered[at]! ^= 3
      await writeFile(path, altered)
      await failure()
      await unlink(path)
      await failure()
      await writeFile(path, good)
      expect((await loadLatestCheckpoint(root))?.step).toBe(2)
    },
  )

  it('says so where no other one is whole, or latest is lost', async () => {
    await saveCheckpoint(root, contents(1))
    await rename(join(root, 'latest'), join(root, 'elsewhere'))
    await expect(loadLatestCheckpoint(root)).rejects.toThrow(/no file 'latest'\. .*checkpoint-1 is whole/)
    await writeFile(join(root, 'latest'), 'checkpoint-one')
    await expect(loadLatestCheckpoint(root)).rejects.toThrow(/names "checkpoint-one"; expected a checkpoint/)
    await writeFile(join(root, 'latest'), 'checkpoint-1\n')
    await truncate(join(root, 'checkpoint-1', 'weights.safetensors'), 10)
    await expect(loadLatestCheckpoint(root)).rejects.toThrow(/has 10 of \d+ bytes.* No other whole checkpoint/)
  })

  it('refuses another configuration or another model', async () => {
    const path = await saveCheckpoint(root, contents(1))
    await expect(loadCheckpoint(path, { configHash: 'other' })).rejects.toThrow(/another configuration/)
    const checkpoint = await loadCheckpoint(path)
    const into = new Map([['other', { shape: [2], data: new Float32Array(2) }]])
    await expect(checkpoint.restoreWeights(into)).rejects.toThrow(WeightsError)
  })

  it('leaves the last good one and no temporary file when the disk fills up', async () => {
    await saveCheckpoint(root, contents(1))
    const full = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }
    const failing = { ...contents(2), optimizer: new Map([['m', { shape: [2], dtype: 'F32' as const, read: full }]]) }
    await expect(saveCheckpoint(root, failing, { keep: 1 })).rejects.toThrow(CheckpointError)
    await expect(saveCheckpoint(root, failing, { keep: 1 })).rejects.toThrow(/checkpoint-2: ENOSPC.* untouched/)
    expect((await readdir(root)).sort()).toEqual(['checkpoint-1', 'latest'])
    expect((await loadLatestCheckpoint(root))?.step).toBe(1)
  })

  it('survives what a crash leaves behind', async () => {
    await saveCheckpoint(root, contents(1))
    await mkdir(join(root, 'checkpoint-2.tmp'))
    await writeFile(join(root, 'checkpoint-2.tmp', 'weights.safetensors'), 'partial')
    expect((await loadLatestCheckpoint(root))?.step).toBe(1)
    await saveCheckpoint(root, contents(2))
    expect((await readdir(root)).sort()).toEqual(['checkpoint-1', 'checkpoint-2', 'latest'])
  })
})
