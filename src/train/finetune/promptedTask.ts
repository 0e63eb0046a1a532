import { ConfigError } from '../../errors.js'
import { Graph } from '../../graph/index.js'
import type { LanguageConfig } from '../../models/blip2.js'
import { FEATURE_MEAN, FEATURE_STD } from '../../models/imageEncoder.js'
import { DropoutSites } from '../../nn/dropout.js'
import { float32 } from '../../runtime/index.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import { heldWeights } from '../../weights/heldWeights.js'
import { type Communicator, SingleProcess } from '../comm/communicator.js'
import { type RankShare, rankShare } from '../comm/rankShare.js'
import { threadsPerRank } from '../comm/threadsPerRank.js'
import type { TrainingTask } from '../loop.js'
import type { PictureQueriesConfig, PictureQueriesOptions } from '../objectives/pictureQueries.js'
import { promptedText } from '../objectives/promptedText.js'
import { promptedTextT5 } from '../objectives/promptedTextT5.js'
import { LANGUAGE_MODEL } from '../objectives/stage2.js'
import { T5_LANGUAGE_MODEL } from '../objectives/stage2T5.js'
import { ownRows } from '../pretrain/rankInputs.js'
import { tokenWeightedInputs, tokenWeightedProgram } from '../pretrain/tokenWeightedProgram.js'
import { type FrozenLanguage, frozenLanguage } from '../pretrain/stage2Task.js'
import { type FrozenWeights, restore } from '../program.js'
import { type PromptedText, type PromptedTokens, promptedInputs } from './promptedBatch.js'
import { type FinetuneSettings, finetuneLoop } from './settings.js'

export interface PromptedTrainingConfig extends FinetuneSettings, PromptedTokens {
  readonly task: 'caption' | 'vqa'
  readonly model: PictureQueriesConfig & { readonly language: LanguageConfig }
  readonly textsPerPicture: number
  /** Tokens of the question that the Q-Former reads; it reads none without. */
  readonly questionTokens?: number
}

export interface PromptedBatch {
  readonly images: Float32Array
  readonly texts: readonly PromptedText[]
}

export interface PromptedParts {
  /** Where the weights start that are trained, and the statistics of features, by full name. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** The frozen language model, by the names under 'opt_model' or 't5_model'. */
  readonly language: FrozenLanguage
  readonly languageTokenizer: Tokenizer
  readonly qformerTokenizer: Tokenizer
  /** Pictures [batch, 3, size, size] and `textsPerPicture` texts about each, as a function of the step. */
  readonly nextBatch: (step: number) => PromptedBatch | Promise<PromptedBatch>
  /** The ranks that share each batch, all of which draw it (default: this process has all of it). */
  readonly communicator?: Communicator
  /** Compute layers again in the backward pass: less memory, more time. */
  readonly recompute?: boolean
}

/**
 * Fine-tuning for captions or answers (paper 4.2 and 4.3): everything is trained but the language model, and the
 * statistics that features are standardised by.
 *
 * @throws WeightsError where a weight has another size than the model needs; ConfigError where the ranks cannot share a
 * batch evenly, or dropout would differ with their number
 */
export async function promptedTask(config: PromptedTrainingConfig, parts: PromptedParts): Promise<TrainingTask> {
  const { model, batch, textsPerPicture, questionTokens, dropout: probability, seed } = config
  const { weights, language, languageTokenizer, qformerTokenizer, nextBatch } = parts
  const { communicator = new SingleProcess(), recompute = false } = parts
  const [share, textShare] = [batch, batch * textsPerPicture].map((rows) => rankShare(communicator, rows)) as [
    RankShare,
    RankShare,
  ]
  if (share.ranks > 1 && textsPerPicture > 1 && probability > 0)
    throw new ConfigError(
      `dropout of ${probability} with ${textsPerPicture} texts about each picture runs on one rank; start it without the launcher`,
    )
  const threads = await threadsPerRank(communicator)
  const graph = new Graph()
  const dropout = new DropoutSites(probability)
  const { loss, scope } = draw(graph, config, {
    pictures: share.own,
    textsPerPicture,
    dropout: dropout.apply,
    ...(questionTokens === undefined ? {} : { questionTokens }),
  })
  const own = [...weights].filter(([name]) => scope.specs.has(name))
  const prefix = model.language.kind === 'opt' ? LANGUAGE_MODEL : T5_LANGUAGE_MODEL
  const frozen = withHeld(
    frozenLanguage(language, scope.specs, prefix),
    new Map(own.filter(([name]) => isStatistic(name))),
  )
  const settings = { recompute, ...(threads === undefined ? {} : { threads }) }
  const program = await tokenWeightedProgram(
    { graph, loss, specs: scope.specs, frozen, seed, ...settings },
    dropout,
    textShare,
    1,
  )
  restore(program.memory, new Map(own.filter(([name]) => !isStatistic(name) && !name.startsWith(prefix))))
  const { imageSize, layers } = model.vision
  const inputs = {
    ...config,
    kind: model.language.kind,
    language: languageTokenizer,
    ...(questionTokens === undefined ? {} : { questions: { tokenizer: qformerTokenizer, tokens: questionTokens } }),
  }
  return {
    config: { kind: 'finetune', ...config },
    program,
    samplesPerStep: batch * textsPerPicture,
    ...finetuneLoop(config, layers),
    feeds: async (step) => {
      const { images, texts } = await nextBatch(step)
      const { feeds, labels } = promptedInputs(texts, inputs)
      return {
        images: ownRows(float32([batch, 3, imageSize, imageSize], images), share),
        ...tokenWeightedInputs(feeds, labels, textShare, 1),
      }
    },
    [Symbol.asyncDispose]: () => program.dispose(),
  }
}

/** The model with either kind of language model. */
function draw(
  graph: Graph,
  { model: { language, ...bridge }, tokens, promptTokens, textTokens }: PromptedTrainingConfig,
  options: PictureQueriesOptions,
) {
  if (language.kind === 'opt') return promptedText(graph, { ...bridge, language }, { ...options, tokens, textTokens })
  const lengths = { inputTokens: promptTokens, outputTokens: textTokens }
  return promptedTextT5(graph, { ...bridge, language }, { ...options, ...lengths })
}

const isStatistic = (name: string): boolean => name === FEATURE_MEAN || name === FEATURE_STD

/** Frozen weights, and some more that are in memory. */
function withHeld(frozen: FrozenWeights, more: ReadonlyMap<string, Float32Array>): FrozenWeights {
  if (!('names' in frozen)) return new Map([...frozen, ...more])
  const held = heldWeights(more)
  return {
    ...frozen,
    names: new Set([...frozen.names, ...more.keys()]),
    weight: (name) => (more.has(name) ? held : frozen).weight(name),
  }
}
