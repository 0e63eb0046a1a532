import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { parameterGroups } from '../../../src/train/optimizer/parameterGroups.js'
import type { StageParts } from '../../../src/train/pretrain/stageTask.js'
import { type Kind, openShared } from '../comm/sharedTraining.js'

type Settings = Pick<StageParts, 'accumulate' | 'recompute'>

/** The gradients of the first step, and the losses of some steps. Dropout is on, captions are of uneven length. */
async function trained(kind: Kind, settings: Settings, steps = 4) {
  await using task = await openShared(kind, steps, undefined, settings)
  const { memory } = task.program
  const optimizer = new AdamW(memory, { groups: parameterGroups(memory.parameters) })
  const losses: Record<string, number>[] = []
  let gradients = new Map<string, Float32Array>()
  for (let step = 0; step < steps; step++) {
    losses.push(await task.program.run(step, await task.feeds(step)))
    if (step === 0) gradients = new Map(memory.parameters.map(({ name, gradient }) => [name, gradient.slice()]))
    optimizer.step({ lr: task.schedule(step), clipNorm: 1 })
  }
  return { losses, gradients }
}

async function expectEqual(kind: Kind, settings: Settings) {
  const [expected, found] = [await trained(kind, {}), await trained(kind, settings)]
  for (const [name, gradient] of expected.gradients) {
    const other = found.gradients.get(name)!
    const difference = Math.max(...gradient.map((value, i) => Math.abs(value - other[i]!)))
    const largest = Math.max(...gradient.map(Math.abs))
    // A key bias shifts all scores of a row alike: its gradient is nothing but rounding.
    expect(difference, name).toBeLessThan(Math.max(1e-5 * largest, 2e-8))
  }
  for (const [step, line] of expected.losses.entries())
    for (const [name, loss] of Object.entries(line))
      expect(Math.abs(found.losses[step]![name]! - loss) / loss, `${name} of step ${step}`).toBeLessThan(1e-4)
}

describe('a batch that is taken in passes', () => {
  it.each([
    ['stage1', 2],
    ['stage1', 6],
    ['stage1 gathered', 3],
    ['stage1 distractors', 2],
    ['stage2', 3],
    ['stage2 t5', 3],
  ] as const)('gives the gradients and losses of the whole one: %s in %i', async (kind, accumulate) => {
    await expectEqual(kind, { accumulate })
  })

  it('is refused where it cannot be parted evenly', async () => {
    await expect(openShared('stage1', 2, undefined, { accumulate: 4 })).rejects.toThrow(ConfigError)
    await expect(openShared('stage2', 2, undefined, { accumulate: 4 })).rejects.toThrow(/6 samples .* into 4 passes/)
  })
})

describe('layers that are computed again in the backward pass', () => {
  it.each(['stage1', 'stage2'] as const)('give the same gradients and losses: %s', async (kind) => {
    await expectEqual(kind, { recompute: true })
  })

  it('go with passes', async () => {
    await expectEqual('stage1', { recompute: true, accumulate: 2 })
  })
})
