import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { trainingConcepts } from '../../../src/data/emoji/concepts.js'
import { seededUniform } from '../../../src/data/scenes/random.js'
import { train } from '../../../src/train/loop.js'
import { instructions } from '../../../src/train/t5/instructions.js'
import { stage2T5Task } from '../../../src/train/t5/stage2T5Task.js'
import { sentinelIds } from '../../../src/train/t5/tokenizer.js'
import { type T5TrainingConfig, t5Task, textPairs } from '../../../src/train/t5/trainT5.js'
import { tinyEncoder, tinyPictures } from '../pretrain/tiny.js'
import { corpus, language, tinyStage2T5, tinyT5, tokenizer } from './tinyT5.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-t5-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const instruct = () => ({ input: 'Question: what is this? Short answer:', target: 'a red square' })

const config = (steps: number): T5TrainingConfig => ({
  language,
  inputTokens: 24,
  outputTokens: 12,
  instructionsFrom: 0.5,
  batch: 6,
  steps,
  warmupSteps: 0,
  peakLearningRate: 1e-2,
  minimumLearningRate: 1e-2,
  weightDecay: 0,
  clipNorm: 1,
  seed: 3,
})
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length

describe('a small T5 from text', () => {
  it('has a tokenizer whose texts end, with sentinels that decode to nothing', () => {
    expect(tokenizer.encode('red').at(-1)).toBe(tokenizer.idOf('</s>'))
    expect(tokenizer.decode(tokenizer.encode('red'))).toBe('red')
    expect(new Set(sentinelIds(tokenizer)).size).toBe(16)
    expect(tokenizer.decode(sentinelIds(tokenizer))).toBe('')
  })

  it('reads spans first, and instructions in half of the later batches', () => {
    const pairs = textPairs(config(10), { tokenizer, corpus, instruct })
    const asked = (step: number) =>
      pairs(step).filter(({ input }) => tokenizer.decode(input).startsWith('Question: what')).length
    expect([asked(4), asked(5)]).toEqual([0, 3])
    expect(pairs(7)).toEqual(textPairs(config(10), { tokenizer, corpus, instruct })(7))
  })

  it('learns: the loss falls', async () => {
    await using task = await t5Task(config(40), { tokenizer, corpus, instruct })
    const losses: number[] = []
    await train(task, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    expect(mean(losses.slice(-5))).toBeLessThan(0.7 * mean(losses.slice(0, 5)))
  })

  it('is prompted by pictures in stage 2, and stays as it was', async () => {
    await using task = await stage2T5Task(
      { ...tinyStage2T5(30), dropout: 0 },
      { encoder: tinyEncoder(), pictures: tinyPictures, language: tinyT5(), tokenizer, stage1: undefined },
    )
    const names = task.program.memory.parameters.map(({ name }) => name)
    expect(names.some((name) => name.startsWith('t5_model'))).toBe(false)
    expect(names).toContain('t5_proj.weight')
    const losses: number[] = []
    await train(task, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)))
  })
})

describe('instructions', () => {
  it('ask in words of training concepts, and every answer is text', () => {
    const draw = instructions(trainingConcepts())
    const random = seededUniform(3)
    const drawn = Array.from({ length: 300 }, () => draw(random))
    expect(drawn.every(({ target }) => target.trim() !== '')).toBe(true)
    expect(drawn.some(({ input }) => /^.* on a .* background\. Question: .* Short answer:$/.test(input))).toBe(true)
    expect(drawn.some(({ input }) => input.endsWith('. Question: what is this? Short answer:'))).toBe(true)
  })
})
