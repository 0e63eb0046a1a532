import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { train } from '../../../src/train/loop.js'
import { DECAY, openAnswers, openT5Answers, PEAK, startingWeights, VISION_LAYERS } from './tinyAnswers.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-finetune-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const largestChange = (before: Float32Array, after: Float32Array) =>
  before.reduce((most, value, i) => Math.max(most, Math.abs(value - after[i]!)), 0)

describe('fine-tuning for answers', () => {
  it('learns: the loss falls', async () => {
    const schedule = { peak: 1e-2, minimum: 1e-2, warmupSteps: 0, totalSteps: 60 }
    await using opened = await openAnswers(60, { dropout: 0, schedule, layerDecay: 0.9 })
    const losses: number[] = []
    await train(opened, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.2)
  })

  it('moves every layer of the encoder, each by its share of the rate, and the text side', async () => {
    await using opened = await openAnswers(1)
    const before = startingWeights()
    await train(opened, { directory })
    const moved = (name: string) => largestChange(before.get(name)!, opened.program.memory.value(name))
    // The first step of Adam is as long as the rate, whatever the gradient.
    expect(moved('visual_encoder.conv1.weight') / (PEAK * DECAY ** (VISION_LAYERS + 1))).toBeCloseTo(1, 2)
    expect(
      moved('visual_encoder.transformer.resblocks.0.mlp.c_fc.weight') / (PEAK * DECAY ** VISION_LAYERS),
    ).toBeCloseTo(1, 2)
    expect(moved('opt_proj.weight') / PEAK).toBeCloseTo(1, 2)
    expect(moved('Qformer.bert.embeddings.word_embeddings.weight') / PEAK).toBeCloseTo(1, 2)
  })

  it('learns with T5: the prompt for its encoder, the text for its decoder', async () => {
    const steps = 50
    await using opened = await openT5Answers(steps)
    const losses: number[] = []
    await train(opened, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.1)
    expect(opened.program.memory.parameters.some(({ name }) => name.startsWith('t5_model'))).toBe(false)
  })

  it('trains no weight of the language model and no statistics of features', async () => {
    await using opened = await openAnswers(1)
    const names = opened.program.memory.parameters.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('opt_model') || name.includes('feature_'))).toEqual([])
  })

  it('resumes to the weights of the uninterrupted run', async () => {
    await using plain = await openAnswers(2)
    await train(plain, { directory: join(directory, 'plain') })
    await using resumed = await openAnswers(2)
    const controller = new AbortController()
    const stopped = train(resumed, {
      directory: join(directory, 'parts'),
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === 1) controller.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    await using again = await openAnswers(2)
    await train(again, { directory: join(directory, 'parts'), resume: true })
    for (const { name, value } of plain.program.memory.parameters)
      expect(largestChange(value, again.program.memory.value(name)), name).toBeLessThan(1e-6)
  })
})
