import { Graph } from '../../../src/graph/index.js'
import type { Communicator } from '../../../src/train/comm/communicator.js'
import { type PromptedTrainingConfig, promptedTask } from '../../../src/train/finetune/promptedTask.js'
import type { TrainingTask } from '../../../src/train/loop.js'
import { promptedText } from '../../../src/train/objectives/promptedText.js'
import { captionBatches } from '../../../src/train/pretrain/batches.js'
import { fillInitial } from '../../../src/train/program.js'
import { Random } from '../../../src/train/random/random.js'
import { bpe, stage2Config, tinyEncoder, tinyLanguage, tinyPictures, wordPiece } from '../pretrain/tiny.js'
import { language as t5Language, tinyT5, tokenizer as t5Tokenizer } from '../t5/tinyT5.js'

/** Fine-tuning for answers about the squares of `pretrain/tiny.ts`, two about each. */

const encoder = tinyEncoder()
const { model, augment } = stage2Config(1)
export const PEAK = 2e-3
export const DECAY = 0.5
export const VISION_LAYERS = encoder.config.layers

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
export const startingWeights = () => {
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

export async function openAnswers(
  steps: number,
  changes: Partial<PromptedTrainingConfig> = {},
  communicator?: Communicator,
): Promise<TrainingTask> {
  const { imageSize } = encoder.config
  const batches = captionBatches(tinyPictures, {
    batch: 4,
    seed: 3,
    augment: { ...augment, size: imageSize, mean: encoder.mean, std: encoder.std },
  })
  return promptedTask(
    { ...config(steps), ...changes },
    {
      weights: startingWeights(),
      language: startingWeights(),
      ...(communicator ? { communicator } : {}),
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
export function openT5Answers(steps: number): Promise<TrainingTask> {
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
      weights: encoder.weights,
      language: tinyT5(),
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
