import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { ConfigError } from '../../src/errors.js'
import { epochCosine, warmupCosine } from '../../src/train/schedule.js'

interface GoldenRun {
  lrs: number[]
  max_epoch: number
  min_lr: number
  init_lr: number
  warmup_steps: number
  warmup_start_lr: number
  iters: number
}

const golden: { runs: Record<string, GoldenRun> } = JSON.parse(
  readFileSync(new URL('../fixtures/golden/optimizer/config.json', import.meta.url), 'utf8'),
)

describe('epochCosine', () => {
  it.each(Object.entries(golden.runs))('run %s of the authors’ code, to the last bit', (_, run) => {
    const schedule = epochCosine({
      initial: run.init_lr,
      minimum: run.min_lr,
      epochs: run.max_epoch,
      stepsPerEpoch: run.iters,
      warmupSteps: run.warmup_steps,
      // Their -1 means no warm-up.
      ...(run.warmup_start_lr < 0 ? {} : { warmupStart: run.warmup_start_lr }),
    })
    expect(run.lrs.map((_, step) => schedule(step))).toEqual(run.lrs)
  })
})

describe('warmupCosine', () => {
  const schedule = warmupCosine({ peak: 1e-4, minimum: 5e-5, warmupSteps: 2000, totalSteps: 80_000 })

  it('rises linearly, then falls by half a cosine', () => {
    expect(schedule(0)).toBe(1e-6)
    expect(schedule(1000)).toBeCloseTo((1e-6 + 1e-4) / 2, 12)
    expect(schedule(2000)).toBe(1e-4)
    expect(schedule(41_000)).toBeCloseTo(7.5e-5, 12)
    expect(schedule(80_000)).toBe(5e-5)
    expect(schedule(90_000)).toBe(5e-5)
  })

  it('refuses a warm-up as long as the run', () => {
    expect(() => warmupCosine({ peak: 1, warmupSteps: 10, totalSteps: 10 })).toThrow(ConfigError)
    expect(() => epochCosine({ initial: 1, minimum: 0, epochs: 0, stepsPerEpoch: 1 })).toThrow(ConfigError)
  })
})
