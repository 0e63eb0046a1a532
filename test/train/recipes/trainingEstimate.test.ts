import { describe, expect, it } from 'vitest'
import { PAPER_LANGUAGE_MODELS, PAPER_PRESETS, paperModelConfig } from '../../../src/train/pretrain/paperPresets.js'
import type { Stage } from '../../../src/train/recipes/drawnTraining.js'
import { estimateTraining, total } from '../../../src/train/recipes/trainingEstimate.js'

const estimate = (stage: Stage, more: Partial<Parameters<typeof estimateTraining>[0]> = {}) =>
  estimateTraining({
    stage,
    config: paperModelConfig('paper-vit-g', PAPER_LANGUAGE_MODELS['opt-2.7b']),
    ...{ batch: 1680, steps: 1000, accumulate: 1, recompute: false },
    ...more,
  })

describe('estimates', () => {
  it('count the parameters of the paper’s table 2', () => {
    // "188M" counts the Q-Former of stage 1 (paper 3.1), 107M is what stage 2 trains with OPT 2.7B.
    const { trained, vision } = estimate('stage1').parameters
    expect(trained / 1e6).toBeGreaterThan(180)
    expect(trained / 1e6).toBeLessThan(192)
    expect(vision / 1e9).toBeCloseTo(0.986, 2)
    const second = estimate('stage2').parameters
    expect(Math.round(second.trained / 1e6)).toBe(107)
    // The table says 3.8B.
    const all = (second.vision + second.trained + second.language) / 1e9
    expect(all).toBeGreaterThan(3.7)
    expect(all).toBeLessThan(3.85)
  })

  it('become less with more passes, and with layers that are computed again', () => {
    const whole = estimate('stage1')
    const parts = estimate('stage1', { accumulate: 105 })
    const again = estimate('stage1', { accumulate: 105, recompute: true })
    expect(total(parts.memory)).toBeLessThan(total(whole.memory) / 10)
    expect(total(again.memory)).toBeLessThan(total(parts.memory))
    // With several passes the gradients are added up.
    expect(parts.fixedMemory - whole.fixedMemory).toBe(4 * whole.parameters.trained)
    expect(again.fixedMemory).toBe(parts.fixedMemory)
    // Vectors are computed first, and layers once more; neither is for nothing, nor a second training.
    expect(parts.operations / whole.operations).toBeGreaterThan(1)
    expect(parts.operations / whole.operations).toBeLessThan(1.3)
    expect(again.operations / parts.operations).toBeGreaterThan(1.05)
    expect(again.operations / parts.operations).toBeLessThan(1.4)
  })

  it('count frozen weights once, and the language model in 8 bits where it is computed so', () => {
    const frozen = (languageDtype: 'float32' | 'q8') => {
      const { memory, parameters } = estimate('stage2', { batch: 16, languageDtype })
      return { ...parameters, bytes: memory['frozen weights, as the runtime has them']! }
    }
    const { bytes, vision, language } = frozen('float32')
    expect(bytes).toBe(4 * (vision + language))
    expect((bytes - frozen('q8').bytes) / ((4 - 1.125) * language)).toBeCloseTo(1, 2)
  })

  it('say of the paper’s run what the paper says: some days on sixteen A100', () => {
    // Stage 1 took less than 6 days (paper 3.4) at, say, 40 % of 312 TFLOP/s each.
    const { batch, steps } = PAPER_PRESETS['paper-vit-g'].stage1.optimization
    const { operations } = estimateTraining({
      stage: 'stage1',
      config: paperModelConfig('paper-vit-g', PAPER_LANGUAGE_MODELS['flan-t5-xxl']),
      ...{ batch, steps, accumulate: 1, recompute: false },
    })
    const days = operations / (16 * 0.4 * 312e12) / 86_400
    expect(days).toBeGreaterThan(0.5)
    expect(days).toBeLessThan(6)
  })
})

describe('the presets of the paper', () => {
  it.each([
    ['paper-vit-l', 2320],
    ['paper-vit-g', 1680],
  ] as const)('%s has the settings of section 3.4', (name, batch) => {
    const { stage1, stage2, stage2T5 } = PAPER_PRESETS[name]
    expect(stage1.optimization).toMatchObject({
      ...{ batch, steps: 250_000, betas: [0.9, 0.98], weightDecay: 0.05 },
      schedule: { peak: 1e-4, warmupSteps: 2000, totalSteps: 250_000 },
      augment: { area: [0.5, 1], flip: 0.5, rotation: 0 },
    })
    expect(stage2.optimization).toMatchObject({ batch: 1920, steps: 80_000, schedule: { peak: 1e-4, minimum: 5e-5 } })
    expect(stage2T5.optimization.batch).toBe(1520)
  })
})
