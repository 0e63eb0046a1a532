import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Graph } from '../../../src/graph/index.js'
import { captionBatches } from '../../../src/train/pretrain/batches.js'
import { promptedText } from '../../../src/train/objectives/promptedText.js'
import { fillInitial } from '../../../src/train/program.js'
import { Random } from '../../../src/train/random/random.js'
import { type PromptedTrainingConfig, promptedTask } from '../../../src/train/finetune/promptedTask.js'
import { type TrainingTask, train } from '../../../src/train/loop.js'
import { language as t5Language, tinyT5, tokenizer as t5Tokenizer } from '../t5/tinyT5.js'
import { bpe, stage2Config, tinyEncoder, tinyLanguage, tinyPictures, wordPiece } from '../pretrain/tiny.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-finetune-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const encoder = tinyEncoder()
const { model, augment } = stage2Config(1)
const PEAK = 2e-3
const DECAY = 0.5

const config = (steps: number): PromptedTrainingConfig => ({
  task: 'vqa',
  batch: 4,
  steps,
  schedule: { peak: PEAK, minimum: PEAK, warmupSteps: 0, totalSteps: steps },
  betas: [0.9, 0.98],
  weightDecay: 0,
  layerDecay: DECAY,
  dropout: 0.1,
  seed: 3,
  model: { ...model, vision: encoder.config, language: { kind: 'opt', ...model.language } },
  textsPerPicture: 2,
  tokens: 24,
  promptTokens: 20,
  textTokens: 12,
  questionTokens: 8,
})

/** Every weight of the model, random but the same every time. */
const start = () => {
  const { scope } = promptedText(
    new Graph(),
    { ...config(1).model, language: model.language },
    {
      pictures: 1,
      textsPerPicture: 1,
      tokens: 2,
      textTokens: 2,
      questionTokens: 2,
    },
  )
  const weights = new Map<string, Float32Array>()
  for (const { name, shape, initializer } of scope.specs.values()) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
    fillInitial(data, initializer, new Random(4, name))
    weights.set(name, data)
  }
  // A language model that says something: random embeddings of the usual size make all tokens as likely.
  const language = [...tinyLanguage()].map(
    ([name, data]) => [name, name.includes('embed_tokens') ? data.map((value) => 20 * value) : data] as const,
  )
  return new Map([...weights, ...encoder.weights, ...language])
}

async function task(steps: number, changes: Partial<PromptedTrainingConfig> = {}): Promise<TrainingTask> {
  const { imageSize } = encoder.config
  const batches = captionBatches(tinyPictures, {
    batch: 4,
    seed: 3,
    augment: { ...augment, size: imageSize, mean: encoder.mean, std: encoder.std },
  })
  return promptedTask(
    { ...config(steps), ...changes },
    {
      weights: start(),
      languageTokenizer: bpe,
      qformerTokenizer: wordPiece,
      nextBatch: async (step) => {
        const { images, captions } = await batches(step)
        const texts = captions.flatMap((caption) => {
          const [, color, corner] = /^a (\w+) square in the (.*)$/.exec(caption)!
          return [
            { prompt: 'Question: color? Answer:', text: color!, question: 'color?' },
            { prompt: 'Question: where? Answer:', text: corner!, question: 'where?' },
          ]
        })
        return { images, texts }
      },
    },
  )
}

/** The same with a tiny T5; everything that is trained starts as it was drawn. */
function openT5Task(steps: number): Promise<TrainingTask> {
  const { imageSize } = encoder.config
  const batches = captionBatches(tinyPictures, {
    batch: 4,
    seed: 3,
    augment: { ...augment, size: imageSize, mean: encoder.mean, std: encoder.std },
  })
  return promptedTask(
    {
      ...config(steps),
      dropout: 0,
      schedule: { peak: 1e-2, minimum: 1e-2, warmupSteps: 0, totalSteps: steps },
      model: { ...model, vision: encoder.config, language: { kind: 't5', ...t5Language } },
    },
    {
      weights: new Map([...encoder.weights, ...tinyT5()]),
      languageTokenizer: t5Tokenizer,
      qformerTokenizer: wordPiece,
      nextBatch: async (step) => {
        const { images, captions } = await batches(step)
        const texts = captions.flatMap((caption) => {
          const text = caption.replace(/^a | square.*$/g, '')
          return [0, 1].map(() => ({ prompt: 'Question: color? Short answer:', text, question: 'color?' }))
        })
        return { images, texts }
      },
    },
  )
}

const largestChange = (before: Float32Array, after: Float32Array) =>
  before.reduce((most, value, i) => Math.max(most, Math.abs(value - after[i]!)), 0)

describe('fine-tuning for answers', () => {
  it('learns: the loss falls', async () => {
    const schedule = { peak: 1e-2, minimum: 1e-2, warmupSteps: 0, totalSteps: 60 }
    await using opened = await task(60, { dropout: 0, schedule, layerDecay: 0.9 })
    const losses: number[] = []
    await train(opened, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.2)
  })

  it('moves every layer of the encoder, each by its share of the rate, and the text side', async () => {
    await using opened = await task(1)
    const before = start()
    await train(opened, { directory })
    const moved = (name: string) => largestChange(before.get(name)!, opened.program.memory.value(name))
    // The first step of Adam is as long as the rate, whatever the gradient.
    const { layers } = encoder.config
    expect(moved('visual_encoder.conv1.weight') / (PEAK * DECAY ** (layers + 1))).toBeCloseTo(1, 2)
    expect(moved('visual_encoder.transformer.resblocks.0.mlp.c_fc.weight') / (PEAK * DECAY ** layers)).toBeCloseTo(1, 2)
    expect(moved('opt_proj.weight') / PEAK).toBeCloseTo(1, 2)
    expect(moved('Qformer.bert.embeddings.word_embeddings.weight') / PEAK).toBeCloseTo(1, 2)
  })

  it('learns with T5: the prompt for its encoder, the text for its decoder', async () => {
    const steps = 50
    await using opened = await openT5Task(steps)
    const losses: number[] = []
    await train(opened, { directory, onProgress: ({ metrics }) => losses.push(metrics['loss']!) })
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.1)
    expect(opened.program.memory.parameters.some(({ name }) => name.startsWith('t5_model'))).toBe(false)
  })

  it('trains no weight of the language model and no statistics of features', async () => {
    await using opened = await task(1)
    const names = opened.program.memory.parameters.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('opt_model') || name.includes('feature_'))).toEqual([])
  })

  it('resumes to the weights of the uninterrupted run', async () => {
    await using plain = await task(2)
    await train(plain, { directory: join(directory, 'plain') })
    await using resumed = await task(2)
    const controller = new AbortController()
    const stopped = train(resumed, {
      directory: join(directory, 'parts'),
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === 1) controller.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    await using again = await task(2)
    await train(again, { directory: join(directory, 'parts'), resume: true })
    for (const { name, value } of plain.program.memory.parameters)
      expect(largestChange(value, again.program.memory.value(name)), name).toBeLessThan(1e-6)
  })
})
