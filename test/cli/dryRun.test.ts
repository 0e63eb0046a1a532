import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { runCommand } from './runCommand.js'

const command = (stage: string, ...more: string[]) => ['pretrain', stage, '--out', tmpdir(), '--dry-run', ...more]

describe('--dry-run', () => {
  it('prints what the shipped presets would do and take', async () => {
    const { code, out } = await runCommand(command('stage1', '--steps', '100'))
    expect(code).toBe(0)
    for (const line of [/^preset +emoji, stage1$/m, /^batch +64 in 1 pass$/m, /^steps +100, /m, /^time +\d/m])
      expect(out).toMatch(line)
  })

  it('prints the paper’s settings, and refuses them where they cannot fit', async () => {
    const { code, out, err } = await runCommand(command('stage1', '--preset', 'paper-vit-g', '--json'))
    const plan = JSON.parse(out)
    expect(plan.settings).toMatchObject({ optimization: { batch: 1680, steps: 250_000, betas: [0.9, 0.98] } })
    expect(plan.model).toMatchObject({ vision: { width: 1408, layers: 39 }, qformer: { queries: 32 } })
    expect(plan.estimate.parameters.vision).toBeGreaterThan(9e8)
    expect(plan.problems.length > 0).toBe(code === 2)
    // No machine that runs this test has the 100 GB and more that all pictures at once would take.
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/^blip2: stage1 of paper-vit-g cannot run here: .* of memory/),
    ])
  })

  it('knows the batch of each kind of language model', async () => {
    const batchWith = async (language: string) => {
      const more = ['--stage1', 'none', '--preset', 'paper-vit-l', '--language-model', language, '--json']
      return JSON.parse((await runCommand(command('stage2', ...more))).out).settings.optimization.batch
    }
    expect(await batchWith('opt-2.7b')).toBe(1920)
    expect(await batchWith('flan-t5-xl')).toBe(1520)
  })
})
