import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describePlan, planPretraining } from '../../../src/train/recipes/dryRun.js'

const options = { preset: 'emoji', data: 'emoji', out: join(tmpdir(), 'blip2-plan') } as const

it('plans what the command says instead of its preset', async () => {
  const [plain, changed] = [
    await planPretraining('stage1', options),
    await planPretraining('stage1', { ...options, steps: 50, learningRate: 5e-4, dropout: 0.1, distractors: 448 }),
  ]
  expect(changed.settings).toMatchObject({ dropout: 0.1, distractors: 448 })
  expect(changed.settings.optimization).toMatchObject({ steps: 50, schedule: { peak: 5e-4, totalSteps: 50 } })
  expect(describePlan(changed)).toMatch(/\ndistractors +448 captions\n/)
  expect(describePlan(plain)).not.toContain('distractors')
  // Their texts are computed and held as well.
  const perStep = (plan: typeof plain) => plan.estimate.operations / plan.settings.optimization.steps
  expect(perStep(changed)).toBeGreaterThan(1.05 * perStep(plain))
})
