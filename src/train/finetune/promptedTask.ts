import { Graph } from '../../graph/index.js'
import { FEATURE_MEAN, FEATURE_STD } from '../../models/imageEncoder.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32 } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TrainingTask } from '../loop.js'
import { type PromptedTextConfig, promptedText } from '../objectives/promptedText.js'
import { LANGUAGE_MODEL } from '../objectives/stage2.js'
import { restore, TrainingProgram } from '../program.js'
import { type PromptedText, promptedInputs } from './promptedBatch.js'
import { type FinetuneSettings, finetuneLoop } from './settings.js'

export interface PromptedTrainingConfig extends FinetuneSettings {
  readonly task: 'caption' | 'vqa'
  readonly model: PromptedTextConfig
  readonly textsPerPicture: number
  /** Tokens of prompt and text together. */
  readonly tokens: number
  /** Tokens of the question that the Q-Former reads; it reads none without. */
  readonly questionTokens?: number
}

export interface PromptedBatch {
  readonly images: Float32Array
  readonly texts: readonly PromptedText[]
}

export interface PromptedParts {
  /** Where all weights start, the frozen ones too, by full name. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly languageTokenizer: Tokenizer
  readonly qformerTokenizer: Tokenizer
  /** Pictures [batch, 3, size, size] and `textsPerPicture` texts about each, as a function of the step. */
  readonly nextBatch: (step: number) => PromptedBatch | Promise<PromptedBatch>
  /** Compute layers again in the backward pass: less memory, more time. */
  readonly recompute?: boolean
}

/**
 * Fine-tuning for captions or answers (paper 4.2 and 4.3): everything is trained but the language model, and the
 * statistics that features are standardised by.
 *
 * @throws WeightsError where a weight has another size than the model needs
 */
export async function promptedTask(config: PromptedTrainingConfig, parts: PromptedParts): Promise<TrainingTask> {
  const { model, batch, textsPerPicture, tokens, questionTokens, dropout: probability, seed } = config
  const { weights, languageTokenizer, qformerTokenizer, nextBatch, recompute = false } = parts
  const graph = new Graph()
  const dropout = new DropoutSites(probability)
  const { loss, scope } = promptedText(graph, model, {
    pictures: batch,
    textsPerPicture,
    tokens,
    dropout: dropout.apply,
    ...(questionTokens === undefined ? {} : { questionTokens }),
  })
  const own = new Map([...weights].filter(([name]) => scope.specs.has(name)))
  const frozen = new Map([...own].filter(([name]) => isFrozen(name)))
  const program = await TrainingProgram.create({ graph, loss, specs: scope.specs, frozen, dropout, seed, recompute })
  restore(program.memory, new Map([...own].filter(([name]) => !isFrozen(name))))
  const { imageSize, layers } = model.vision
  const inputs = {
    language: languageTokenizer,
    tokens,
    ...(questionTokens === undefined ? {} : { questions: { tokenizer: qformerTokenizer, tokens: questionTokens } }),
  }
  return {
    config: { kind: 'finetune', ...config },
    program,
    samplesPerStep: batch * textsPerPicture,
    ...finetuneLoop(config, layers),
    feeds: async (step) => {
      const { images, texts } = await nextBatch(step)
      return { images: float32([batch, 3, imageSize, imageSize], images), ...promptedInputs(texts, inputs) }
    },
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}

const isFrozen = (name: string): boolean =>
  name.startsWith(LANGUAGE_MODEL) || name === FEATURE_MEAN || name === FEATURE_STD
