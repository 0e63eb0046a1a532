import { join } from 'node:path'
import { ConfigError } from '../../errors.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { openLanguageModel } from '../../frozen/languageModel.js'
import { type ModelConfig, type ModelDirectory, writeModelDirectory } from '../../weights/modelDirectory.js'
import { weightBits } from '../../quantize/weightBits.js'
import type { PullOptions } from '../../weights/hub/pullModel.js'
import { SHIPPED_MODEL } from '../../weights/shippedModel.js'
import type { Communicator } from '../comm/communicator.js'
import { onAllRanks } from '../comm/onAllRanks.js'
import { rootFirst } from '../comm/rootFirst.js'
import { train } from '../loop.js'
import type { Stage1Objective } from '../objectives/stage1.js'
import { partSpecs } from '../partSpecs.js'
import { restore } from '../program.js'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../pretrain/presets.js'
import { stage1Task } from '../pretrain/stage1Task.js'
import { stage2Task } from '../pretrain/stage2Task.js'
import { stage2T5Task } from '../t5/stage2T5Task.js'
import { withCandidates, withItcWeight } from './candidateChoice.js'
import { modelCard } from './card.js'
import { cachedViews, openFeatures } from './features.js'
import { frozenEncoderOf, openDifferentiable, visionPart } from './frozenParts.js'
import { hashData, hashFrozen, hashJson, hashPictures, hashWeights, withInputs } from './inputs.js'
import { bertWeights, newModel, startingModel } from './newModel.js'
import { dataOf, loadPart, openTrained, readTokenizers, trainedWeights } from './parts.js'
import { loopOptions, type RecipeOptions, stretchWarmup } from './recipe.js'
import { trainingPictures } from './trainingPictures.js'

export interface PretrainOptions extends RecipeOptions {
  readonly preset: PretrainPresetName
  /** What is trained on, see trainingPictures. */
  readonly data: string
  /** Peak of the schedule instead of the preset's. */
  readonly learningRate?: number
  /** Probability instead of the preset's. */
  readonly dropout?: number
  /** Passes of each step, over a part of the batch each: less memory, the same result. Default 1. */
  readonly accumulate?: number
  /** Features made by `blip2 data cache` of the same encoder, preset and pictures: the encoder is not run. */
  readonly features?: string
}

export interface Stage1RecipeOptions extends PretrainOptions {
  /** The frozen image encoder, as `openVisionModel` takes it (default: the one that ships). */
  readonly vision?: string
  /** The BERT that the Q-Former starts from, as `openBert` takes it (default: it starts at random). */
  readonly bert?: string
  /** Training or model directory of a stage 1 to go on from, with its encoder; new weights otherwise. */
  readonly from?: string
  /** Objectives that are minimised (default: all three); for comparisons. */
  readonly objectives?: readonly Stage1Objective[]
  /** Captions besides the batch's own that its pictures are told from, instead of the preset's number. */
  readonly distractors?: number
}

export interface Stage2RecipeOptions extends PretrainOptions {
  /** Training or model directory of stage 1; 'none' starts from a new Q-Former, for comparison. */
  readonly stage1: string
  /** The frozen image encoder where stage1 is 'none', as `openVisionModel` takes it (default: the one that ships). */
  readonly vision?: string
  /** The frozen language model, as `openLanguageModel` takes it (default: the one that ships). */
  readonly languageModel?: string
  /**
   * How the frozen language model is computed (default: float32). With q8 its matrices are mapped from a file of 8 bits,
   * which is made in the cache the first time: a quarter of the memory, and gradients that are near the same.
   */
  readonly languageDtype?: 'float32' | 'q8'
}

/** `blip2 pretrain stage1`, on every rank that was launched. */
export const pretrainStage1 = (options: Stage1RecipeOptions): Promise<void> => onAllRanks(options, runStage1)

async function runStage1(options: Stage1RecipeOptions, communicator: Communicator): Promise<void> {
  const before = await earlierStage1(options)
  const source = before
    ? startingModel(before)
    : await rootFirst(communicator, () => newModel(options, pulling(options)))
  const { config, bert } = source
  const vision = visionPart(source.vision, config)
  const visionHash = await hashFrozen(vision)
  const earlier = before ? await loadPart(before, 'stage1') : undefined
  const tokenizers = await readTokenizers(source)
  const { optimization, dropout, distractors } = pretrainSettings(options, 'stage1', config.language.kind)
  const { qformer, visionLayerNormEpsilon, embeddingWidth } = config
  const open = () => trainingPictures(options.data, config.vision.imageSize, options)
  const pictures = await rootFirst(communicator, open)
  await using features = await openFeatures(options, {
    ...{ config, vision: visionHash, pictures },
    augment: optimization.augment,
  })
  await using opened = await stage1Task(
    {
      ...optimization,
      ...cachedViews(features),
      model: { qformer, visionLayerNormEpsilon, embeddingWidth },
      tokens: config.text.maxTokens,
      dropout,
      itcGradient: 'full',
      ...(distractors ? { distractors } : {}),
      ...(options.objectives ? { objectives: options.objectives } : {}),
    },
    {
      encoder: frozenEncoderOf(config, vision, { ...options, communicator }),
      pictures,
      ...(features ? { features } : {}),
      communicator,
      ...memorySettings(options),
      tokenizer: Tokenizer.fromJson(tokenizers.qformer),
    },
  )
  if (earlier) restore(opened.program.memory, dataOf(earlier))
  const start = bert ? await bertWeights(config, bert, optimization.seed) : undefined
  if (start) restore(opened.program.memory, start)
  const task = withInputs(opened, {
    vision: visionHash,
    ...(earlier ? { from: hashWeights(earlier) } : {}),
    ...(start ? { bert: hashData(start) } : {}),
    tokenizer: hashJson(tokenizers.qformer),
    pictures: await hashPictures(pictures),
  })
  await train(task, { ...loopOptions(options), communicator })
  if (communicator.rank !== 0) return
  const parts = { vision, stage1: trainedWeights(task.program.memory) }
  const written = withItcWeight(config, options.preset)
  const card = modelCard(written, parts, { training: task.config, data: options.data })
  await writeModelDirectory(join(options.out, 'model'), { config: written, parts, tokenizers, card })
}

/** Captions as T5 learns them: half are begun by the prefix, half are written whole, as `caption` asks for them. */
const T5_CAPTIONS = { inputTokens: 16, outputTokens: 20, whole: 0.5 }

/** `blip2 pretrain stage2`, on every rank that was launched. */
export const pretrainStage2 = (options: Stage2RecipeOptions): Promise<void> => onAllRanks(options, runStage2)

async function runStage2(options: Stage2RecipeOptions, communicator: Communicator): Promise<void> {
  const before = await stage1Before(options)
  const source = before
    ? startingModel(before)
    : await rootFirst(communicator, () => newModel(options, pulling(options)))
  const openLanguage = () => openLanguageModel(options.languageModel ?? SHIPPED_MODEL, pulling(options))
  const languageModel = await rootFirst(communicator, openLanguage)
  const config: ModelConfig = { ...source.config, language: languageModel.config }
  const vision = visionPart(source.vision, config)
  const language = { source: languageModel.weights, wanted: partSpecs(config).language }
  const visionHash = await hashFrozen(vision)
  const { languageDtype = 'float32' } = options
  const stage1 = before ? await loadPart(before, 'stage1') : undefined
  const tokenizers = {
    qformer: await source.readTokenizer('qformer'),
    language: await languageModel.readTokenizer(),
  }
  const { optimization, dropout } = pretrainSettings(options, 'stage2', config.language.kind)
  const { qformer, visionLayerNormEpsilon, generation } = config
  const open = () => trainingPictures(options.data, config.vision.imageSize, options)
  const pictures = await rootFirst(communicator, open)
  await using features = await openFeatures(options, {
    ...{ config, vision: visionHash, pictures },
    augment: optimization.augment,
  })
  const shared = { ...optimization, ...cachedViews(features), dropout }
  const bridge = { qformer, visionLayerNormEpsilon }
  const parts = {
    encoder: frozenEncoderOf(config, vision, { ...options, communicator }),
    language: await openDifferentiable(language, {
      ...options,
      communicator,
      bits: weightBits(config, { languageModel: languageDtype }),
    }),
    tokenizer: Tokenizer.fromJson(tokenizers.language),
    pictures,
    ...(features ? { features } : {}),
    communicator,
    ...memorySettings(options),
    stage1: stage1 ? dataOf(stage1) : undefined,
  }
  await using opened =
    config.language.kind === 't5'
      ? await stage2T5Task({ ...shared, ...T5_CAPTIONS, model: { ...bridge, language: config.language } }, parts)
      : await stage2Task(
          { ...shared, model: { ...bridge, language: config.language }, tokens: generation.maxNewTokens },
          parts,
        )
  const task = withInputs(opened, {
    vision: visionHash,
    ...(stage1 ? { stage1: hashWeights(stage1) } : {}),
    language: await hashFrozen(language),
    ...(languageDtype === 'float32' ? {} : { languageDtype }),
    tokenizer: hashJson(tokenizers.language),
    pictures: await hashPictures(pictures),
  })
  await train(task, { ...loopOptions(options), communicator })
  if (communicator.rank !== 0) return
  const stage2 = trainedWeights(task.program.memory)
  const all = { vision, ...(stage1 ? { stage1 } : {}), stage2, language }
  const written = withCandidates(config, options.preset, stage1 !== undefined)
  const card = modelCard(written, all, { training: task.config, data: options.data })
  await writeModelDirectory(join(options.out, 'model'), { config: written, parts: all, tokenizers, card })
}

/** For models of the hub. */
const pulling = ({ signal }: RecipeOptions): PullOptions => (signal ? { signal } : {})

async function earlierStage1({ from, vision, bert }: Stage1RecipeOptions): Promise<ModelDirectory | undefined> {
  if (from === undefined) return undefined
  if (bert !== undefined)
    throw new ConfigError(`--bert does not go with --from: the Q-Former of ${from} is trained already`)
  if (vision !== undefined)
    throw new ConfigError(
      `--vision does not go with --from: ${from} holds the encoder that its Q-Former was trained with`,
    )
  return openTrained(from)
}

/** Stage 1's directory, which holds its encoder too: another one would not fit the Q-Former. */
async function stage1Before({ stage1, vision }: Stage2RecipeOptions): Promise<ModelDirectory | undefined> {
  if (stage1 === 'none') return undefined
  if (vision !== undefined)
    throw new ConfigError(
      `--vision goes with --stage1 none only: ${stage1} holds the encoder that its Q-Former was trained with`,
    )
  return openTrained(stage1)
}

/** What a command may say in the place of its preset. */
export type PretrainSettings = Pick<PretrainOptions, 'preset' | 'steps' | 'seed' | 'learningRate' | 'dropout'> &
  Pick<Stage1RecipeOptions, 'distractors'>

/** The preset's values with those of the command; the warm-up is stretched with the steps. */
export function pretrainSettings(
  { preset, steps, seed, learningRate, dropout, distractors }: PretrainSettings,
  stage: 'stage1' | 'stage2',
  language: ModelConfig['language']['kind'],
) {
  const { stage2T5, choice: _, ...stages } = PRETRAIN_PRESETS[preset]
  const { optimization, ...settings } =
    (stage === 'stage2' && language === 't5' ? stage2T5 : undefined) ?? stages[stage]
  const total = steps ?? optimization.steps
  const warmupSteps = stretchWarmup(optimization.schedule.warmupSteps, optimization.steps, total)
  const peak = learningRate ?? optimization.schedule.peak
  const schedule = { ...optimization.schedule, peak, warmupSteps, totalSteps: total }
  return {
    ...settings,
    ...(distractors === undefined ? {} : { distractors }),
    dropout: dropout ?? settings.dropout,
    optimization: { ...optimization, steps: total, schedule, seed: seed ?? optimization.seed },
  }
}

/** What a step may do to take less memory; the result is the same, so they are no settings of the run. */
const memorySettings = ({ accumulate, recompute }: PretrainOptions) => ({
  ...(accumulate === undefined ? {} : { accumulate }),
  ...(recompute === undefined ? {} : { recompute }),
})
