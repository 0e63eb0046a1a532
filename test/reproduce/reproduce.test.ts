import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import type { Experiment } from '../../src/reproduce/experiment.js'
import { EXPERIMENT_SIZES } from '../../src/reproduce/experimentSize.js'
import { experimentsOf } from '../../src/reproduce/experiments.js'
import { runExperiments } from '../../src/reproduce/runExperiments.js'
import { compare, meanWithInterval } from '../../src/reproduce/statistics.js'
import { experimentSection, writeExperiments } from '../../src/reproduce/writeExperiments.js'
import { SHIPPED_MODEL } from '../../src/weights/shippedModel.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-reproduce-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const context = () => ({
  directory,
  model: SHIPPED_MODEL,
  size: EXPERIMENT_SIZES.quick,
  t5: undefined,
  vqa: undefined,
  limit: 5,
  cacheDir: undefined,
  signal: undefined,
  onStatus: undefined,
})

describe('statistics of seeds', () => {
  it('give the interval of Student', () => {
    const { mean, halfWidth } = meanWithInterval([1, 2, 3])
    expect(mean).toBe(2)
    // 4.303 * 1 / sqrt(3)
    expect(halfWidth).toBeCloseTo(2.4843, 3)
    expect(meanWithInterval([4]).halfWidth).toBeUndefined()
  })

  it('decide where the differences are clear, either way', () => {
    expect(compare([0.9, 0.91, 0.92], [0.5, 0.52, 0.51], 'higher')).toBe('holds')
    expect(compare([0.9, 0.91, 0.92], [0.5, 0.52, 0.51], 'lower')).toBe('is reversed')
    expect(compare([0.9, 0.1, 0.5], [0.5, 0.5, 0.6], 'higher')).toBe('is not decided')
  })
})

describe('experiments', () => {
  const experiment = (runs: string[]): Experiment => ({
    letter: 'z',
    title: 'One & another',
    paper: 'Nowhere.',
    score: { name: 'accuracy', better: 'higher' },
    variants: ['one', 'another'].map((name, i) => ({
      name,
      run: async ({ seed }) => {
        runs.push(`${name} ${seed}`)
        return { accuracy: 0.8 - 0.3 * i + 0.01 * seed * (1 + i) }
      },
    })),
    expected: ['one', 'another'],
  })

  it('run each variant with each seed, once: the second call reads what the first one did', async () => {
    const runs: string[] = []
    const first = await runExperiments({ ...context(), seeds: 2 }, [experiment(runs)])
    expect(runs).toEqual(['one 1', 'another 1', 'one 2', 'another 2'])
    const again = await runExperiments({ ...context(), seeds: 3 }, [experiment(runs)])
    expect(runs.slice(4)).toEqual(['one 3', 'another 3'])
    expect(again[0]!.scores.get('one')!.slice(0, 2)).toEqual(first[0]!.scores.get('one'))
  })

  it('become a page with a verdict and a plot', async () => {
    const found = await runExperiments({ ...context(), seeds: 3 }, [experiment([])])
    const page = join(directory, 'docs', 'experiments.md')
    const size = EXPERIMENT_SIZES.quick
    await writeExperiments(found, { page, command: 'blip2 reproduce', size, seeds: 3, limit: 5 })
    const text = await readFile(page, 'utf8')
    expect(text).toContain('| one | 0.820 ± 0.0248 |')
    expect(text).toContain("The paper's direction holds here (accuracy).")
    expect(text).toContain('`blip2 reproduce --only z`')
    const plot = await readFile(join(directory, 'docs', 'experiments', 'z.svg'), 'utf8')
    expect(plot.match(/<rect/g)).toHaveLength(2)
    expect(plot).toContain('One &amp; another')
  })

  it('of one seed say what is seen and that it decides nothing', async () => {
    const seen: number[] = []
    const onFound = async (all: readonly unknown[]) => {
      seen.push(all.length)
    }
    const [one] = await runExperiments({ ...context(), seeds: 1, onFound }, [experiment([])])
    expect(experimentSection(one!)).toContain(
      "The paper's direction is seen (accuracy, one 0.810, another 0.520); one seed decides nothing.",
    )
    expect(seen).toEqual([1])
  })

  it('keep the sizes apart', async () => {
    const runs: string[] = []
    for (const size of Object.values(EXPERIMENT_SIZES))
      await runExperiments({ ...context(), size, seeds: 1 }, [experiment(runs)])
    expect(runs).toHaveLength(4)
  })

  it('count the parameters of the paper: BLIP-2 with OPT 2.7B trains 104 to 107 of 3,700 million', async () => {
    const [found] = await runExperiments({ ...context(), seeds: 3, only: ['f'] })
    const [counts] = found!.scores.get('blip2-opt-2.7b')!
    expect(counts!['trainable']).toBeGreaterThan(100)
    expect(counts!['trainable']).toBeLessThan(110)
    expect(counts!['total']).toBeGreaterThan(3600)
    expect(found!.scores.get('the model here')).toHaveLength(1)
  })

  it('name what they are and refuse what they are not', async () => {
    const all = experimentsOf(EXPERIMENT_SIZES.standard)
    expect(new Set(all.map(({ letter }) => letter)).size).toBe(all.length)
    for (const { variants, expected = [] } of all)
      for (const name of expected) expect(variants.map((variant) => variant.name)).toContain(name)
    await expect(runExperiments({ ...context(), seeds: 1, only: ['q'] })).rejects.toThrow(ConfigError)
    await expect(runExperiments({ ...context(), seeds: 1, only: ['a5'] })).rejects.toThrow(/blip2 train t5/)
  })
})
