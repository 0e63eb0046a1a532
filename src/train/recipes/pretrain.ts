import { join } from 'node:path'
import { type CaptionedPictures, emojiCaptions } from '../../data/captionedPictures.js'
import { openCaptionFolder } from '../../data/captionFolder.js'
import { loadEmojiData } from '../../data/emoji/dataset.js'
import { Tokenizer } from '../../text/tokenizer.js'
import {
  type ModelConfig,
  type ModelDirectory,
  readModelDirectory,
  writeModelDirectory,
} from '../../weights/modelDirectory.js'
import { SHIPPED_MODEL } from '../../weights/shippedModel.js'
import { train } from '../loop.js'
import { LANGUAGE_MODEL } from '../objectives/stage2.js'
import type { EncoderWeights } from '../pretrain/frozenEncoder.js'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../pretrain/presets.js'
import { stage1Task } from '../pretrain/stage1Task.js'
import { stage2Task } from '../pretrain/stage2Task.js'
import { modelCard } from './card.js'
import { dataOf, loadPart, openTrained, readTokenizers, trainedWeights, type Weights } from './parts.js'
import { loopOptions, type RecipeOptions } from './recipe.js'

export interface PretrainOptions extends RecipeOptions {
  readonly preset: PretrainPresetName
  /** 'emoji' or a COCO-captions folder. */
  readonly data: string
}

export interface Stage1RecipeOptions extends PretrainOptions {
  /** Model directory with the frozen image encoder (default: the one that ships). */
  readonly vision?: string
}

export interface Stage2RecipeOptions extends PretrainOptions {
  /** Training or model directory of stage 1; 'none' starts from a new Q-Former, for comparison. */
  readonly stage1: string
  /** Model directory with the frozen language model (default: the one that ships). */
  readonly languageModel?: string
}

/** `blip2 pretrain stage1` */
export async function pretrainStage1(options: Stage1RecipeOptions): Promise<void> {
  const source = await readModelDirectory(options.vision ?? SHIPPED_MODEL)
  const vision = await loadPart(source, 'vision')
  const tokenizers = await readTokenizers(source)
  const { config } = source
  const { optimization, dropout } = settings(options, 'stage1')
  const task = await stage1Task(
    { ...optimization, model: stage1Config(config), tokens: config.text.maxTokens, dropout, itcGradient: 'full' },
    {
      encoder: encoderOf(config, vision),
      pictures: await trainingPictures(options, config),
      tokenizer: Tokenizer.fromJson(tokenizers.qformer),
    },
  )
  await train(task, loopOptions(options))
  const parts = { vision, stage1: trainedWeights(task.program.memory) }
  await writeModelDirectory(join(options.out, 'model'), {
    config,
    parts,
    tokenizers,
    card: modelCard(config, parts, task.config),
  })
}

/** `blip2 pretrain stage2` */
export async function pretrainStage2(options: Stage2RecipeOptions): Promise<void> {
  const before = options.stage1 === 'none' ? undefined : await openTrained(options.stage1)
  const languageSource = await readModelDirectory(options.languageModel ?? SHIPPED_MODEL)
  const source: ModelDirectory = before ?? (await readModelDirectory(SHIPPED_MODEL))
  const config: ModelConfig = { ...source.config, language: languageSource.config.language }
  const [vision, language] = [await loadPart(source, 'vision'), await loadPart(languageSource, 'language')]
  const stage1 = before ? await loadPart(before, 'stage1') : undefined
  const tokenizers = {
    qformer: (await readTokenizers(source)).qformer,
    language: (await readTokenizers(languageSource)).language,
  }
  const { optimization, dropout } = settings(options, 'stage2')
  const { qformer, visionLayerNormEpsilon, generation } = config
  const task = await stage2Task(
    {
      ...optimization,
      model: { qformer, visionLayerNormEpsilon, language: config.language },
      tokens: generation.maxNewTokens,
      dropout,
    },
    {
      encoder: encoderOf(config, vision),
      language: dataOf(language),
      tokenizer: Tokenizer.fromJson(tokenizers.language),
      pictures: await trainingPictures(options, config),
      stage1: stage1 ? dataOf(stage1) : undefined,
    },
  )
  await train(task, loopOptions(options))
  const stage2 = trainedWeights(task.program.memory, (name) => !name.startsWith(LANGUAGE_MODEL))
  const parts = { vision, ...(stage1 ? { stage1 } : {}), stage2, language }
  await writeModelDirectory(join(options.out, 'model'), {
    config,
    parts,
    tokenizers,
    card: modelCard(config, parts, task.config),
  })
}

function settings({ preset, steps, seed }: PretrainOptions, stage: 'stage1' | 'stage2') {
  const { optimization, dropout } = PRETRAIN_PRESETS[preset][stage]
  const total = steps ?? optimization.steps
  const warmupSteps = Math.round((optimization.schedule.warmupSteps / optimization.steps) * total)
  const schedule = { ...optimization.schedule, warmupSteps, totalSteps: total }
  return { optimization: { ...optimization, steps: total, schedule, seed: seed ?? optimization.seed }, dropout }
}

/** Pictures are kept larger than the encoder sees them, so that crops lose nothing. */
const SOURCE_SCALE = 5 / 3

/** 'emoji' is the embedded data set's train split; anything else a COCO-captions folder. */
async function trainingPictures(options: PretrainOptions, { vision }: ModelConfig): Promise<CaptionedPictures> {
  const { data: spec, cacheDir, onStatus, signal } = options
  onStatus?.('opening the pictures ...')
  if (spec !== 'emoji')
    return openCaptionFolder(spec, { side: Math.ceil(vision.imageSize * SOURCE_SCALE), ...(signal ? { signal } : {}) })
  const data = await loadEmojiData({
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(signal ? { signal } : {}),
  })
  return emojiCaptions(data, data.split('train'))
}

const encoderOf = ({ vision, mean, std }: ModelConfig, weights: Weights): EncoderWeights => ({
  config: vision,
  mean,
  std,
  weights: dataOf(weights),
})

const stage1Config = ({ qformer, visionLayerNormEpsilon, embeddingWidth }: ModelConfig) => ({
  qformer,
  visionLayerNormEpsilon,
  embeddingWidth,
})
