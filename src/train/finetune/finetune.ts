import { join } from 'node:path'
import { WeightsError } from '../../errors.js'
import { FEATURE_MEAN, FEATURE_STD, IMAGE_ENCODER, requireDrawn } from '../../models/imageEncoder.js'
import { questionPrompt } from '../../tasks/promptTemplates.js'
import { cleanCaption, cleanQuestion } from '../../text/captionCleaning.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { type ModelConfig, type ModelDirectory, writeModelDirectory } from '../../weights/modelDirectory.js'
import type { Communicator } from '../comm/communicator.js'
import { onAllRanks } from '../comm/onAllRanks.js'
import { rootFirst } from '../comm/rootFirst.js'
import { type TrainingTask, train } from '../loop.js'
import { partSpecs } from '../partSpecs.js'
import { captionBatches } from '../pretrain/batches.js'
import type { FrozenPart } from '../../weights/partSource.js'
import { withoutCandidates } from '../recipes/candidateChoice.js'
import { openDifferentiable } from '../recipes/frozenParts.js'
import { hashFrozen, hashJson, hashPictures, hashWeights, withInputs } from '../recipes/inputs.js'
import {
  dataOf,
  frozenPart,
  loadPart,
  openTrained,
  readTokenizers,
  trainedWeights,
  type Weights,
} from '../recipes/parts.js'
import { loopOptions, type RecipeOptions } from '../recipes/recipe.js'
import { trainingPictures } from '../recipes/trainingPictures.js'
import { answerBatches } from './answerBatches.js'
import { finetunedCard } from './card.js'
import { pictureView } from './pictureView.js'
import {
  CAPTION_PRESETS,
  type CaptionPresetName,
  finetuneSettings,
  RETRIEVAL_PRESETS,
  type RetrievalPresetName,
  VQA_PRESETS,
  type VqaPreset,
  type VqaPresetName,
} from './presets.js'
import { promptedTask } from './promptedTask.js'
import { openQuestionedPictures } from './questionedPictures.js'
import { retrievalTask } from './retrievalTask.js'
import { type HeldEncoder, startingVision } from './startingVision.js'

export interface FinetuneOptions<Preset extends string> extends RecipeOptions {
  readonly preset: Preset
  /** Model or training directory to start from. */
  readonly model: string
  /** 'emoji', 'scenes:train' or a folder; for questions 'scenes:train' or a folder with questions. */
  readonly data: string
}

/** `blip2 finetune caption`, on every rank that was launched: the paper's, with the prompt in front of each caption. */
export const finetuneCaption = (options: FinetuneOptions<CaptionPresetName>): Promise<void> =>
  onAllRanks(options, runCaption)

async function runCaption(options: FinetuneOptions<CaptionPresetName>, communicator: Communicator): Promise<void> {
  const { augment, prompt, tokens, promptTokens, textTokens, imageSize, ...preset } = CAPTION_PRESETS[options.preset]
  const start = await openStart(options, 'stage2')
  const { questionToQFormer: _, ...before } = start.config
  const config = { ...resized(before, imageSize), generation: { ...before.generation, prompt } }
  const { language } = config
  const pictures = await rootFirst(communicator, () => trainingPictures(options.data, imageSize, options))
  const settings = finetuneSettings({ ...preset, imageSize }, pictures.length, options)
  const { mean, std } = config
  const batches = captionBatches(pictures, { ...settings, augment: { ...augment, size: imageSize, mean, std } })
  const vision = await startingVision(
    start.encoder,
    imageSize,
    settings.batch,
    async (step) => (await batches(step)).images,
  )
  const bridge = pick(start.trained, partSpecs(config).stage2, options.model)
  const { qformer, visionLayerNormEpsilon } = config
  await using opened = await promptedTask(
    {
      task: 'caption',
      ...settings,
      model: { vision: vision.config, qformer, visionLayerNormEpsilon, language },
      textsPerPicture: 1,
      tokens,
      promptTokens,
      textTokens,
    },
    {
      weights: new Map([...vision.weights, ...dataOf(bridge)]),
      language: await openDifferentiable(start.language!, { ...options, communicator }),
      ...tokenizersOf(start),
      nextBatch: async (step) => {
        const { images, captions } = await batches(step)
        return { images, texts: captions.map((caption) => ({ prompt, text: cleanCaption(caption) })) }
      },
      communicator,
      recompute: options.recompute ?? false,
    },
  )
  await run(opened, start, { options, config, vision, pictures: await hashPictures(pictures), communicator })
}

/** `blip2 finetune vqa`, on every rank that was launched: the paper's; the Q-Former reads the question too. */
export const finetuneVqa = (options: FinetuneOptions<VqaPresetName>): Promise<void> => onAllRanks(options, runVqa)

async function runVqa(options: FinetuneOptions<VqaPresetName>, communicator: Communicator): Promise<void> {
  const { view: viewSettings, questionsPerPicture, imageSize, ...rest }: VqaPreset = VQA_PRESETS[options.preset]
  const { tokens, promptTokens, textTokens, questionTokens, ...preset } = rest
  const start = await openStart(options, 'stage2')
  const config = { ...resized(start.config, imageSize), questionToQFormer: true }
  const { language } = config
  const view = pictureView(viewSettings, { size: imageSize, mean: config.mean, std: config.std })
  const pictures = await rootFirst(communicator, () => openQuestionedPictures(options.data, imageSize, options))
  const settings = finetuneSettings({ ...preset, imageSize }, pictures.length, options)
  const batches = answerBatches(pictures, { batch: settings.batch, questionsPerPicture, seed: settings.seed, view })
  const vision = await startingVision(start.encoder, imageSize, settings.batch, (step) => batches(step).images)
  // A stage-2 model has no text side: it comes from stage 1 (paper 4.3).
  const text = start.config.questionToQFormer ? new Map() : await loadPart(start.source, 'stage1')
  const bridge = pick(new Map([...text, ...start.trained]), partSpecs(config).stage2, options.model)
  const { qformer, visionLayerNormEpsilon } = config
  await using opened = await promptedTask(
    {
      task: 'vqa',
      ...settings,
      model: { vision: vision.config, qformer, visionLayerNormEpsilon, language },
      textsPerPicture: questionsPerPicture,
      tokens,
      promptTokens,
      textTokens,
      questionTokens: questionTokens ?? config.text.maxTokens,
    },
    {
      weights: new Map([...vision.weights, ...dataOf(bridge)]),
      language: await openDifferentiable(start.language!, { ...options, communicator }),
      ...tokenizersOf(start),
      nextBatch: (step) => {
        const { images, asked } = batches(step)
        const texts = asked.map(({ question, answer }) => ({
          prompt: questionPrompt(language.kind, question),
          text: answer,
          question: cleanQuestion(question),
        }))
        return { images, texts }
      },
      communicator,
      recompute: options.recompute ?? false,
    },
  )
  await run(opened, start, { options, config, vision, pictures: pictures.fingerprint, communicator })
}

/** `blip2 finetune retrieval`: the objectives of stage 1 with the image encoder trained too. */
export async function finetuneRetrieval(options: FinetuneOptions<RetrievalPresetName>): Promise<void> {
  const { augment, imageSize, ...preset } = RETRIEVAL_PRESETS[options.preset]
  const start = await openStart(options, 'stage1')
  const config = resized(start.config, imageSize)
  const pictures = await trainingPictures(options.data, imageSize, options)
  const settings = finetuneSettings({ ...preset, imageSize }, pictures.length, options)
  const { mean, std } = config
  const batches = captionBatches(pictures, { ...settings, augment: { ...augment, size: imageSize, mean, std } })
  const vision = await startingVision(
    start.encoder,
    imageSize,
    settings.batch,
    async (step) => (await batches(step)).images,
  )
  const { qformer, visionLayerNormEpsilon, embeddingWidth } = config
  await using opened = await retrievalTask(
    {
      task: 'retrieval',
      ...settings,
      model: { vision: vision.config, qformer, visionLayerNormEpsilon, embeddingWidth },
      tokens: config.text.maxTokens,
    },
    {
      weights: new Map([...vision.weights, ...dataOf(start.trained)]),
      tokenizer: tokenizersOf(start).qformerTokenizer,
      nextBatch: batches,
      recompute: options.recompute ?? false,
    },
  )
  await run(opened, start, { options, config, vision, pictures: await hashPictures(pictures) })
}

interface Start {
  readonly source: ModelDirectory
  readonly config: ModelConfig
  readonly encoder: HeldEncoder
  readonly part: 'stage1' | 'stage2'
  /** The weights of that part. */
  readonly trained: Weights
  /** The frozen language model that goes with stage 2. */
  readonly language?: FrozenPart
  readonly tokenizers: Awaited<ReturnType<typeof readTokenizers>>
}

async function openStart({ model }: FinetuneOptions<string>, part: Start['part']): Promise<Start> {
  const source = await openTrained(model)
  // The part that is trained is the only one written.
  const config = withoutCandidates(source.config)
  const { mean, std } = config
  const vision = requireDrawn(config.vision, 'fine-tuning')
  const trained = await loadPart(source, part)
  const weights = dataOf(await loadPart(source, 'vision'))
  return {
    source,
    config,
    encoder: { config: vision, mean, std, weights },
    part,
    trained,
    ...(part === 'stage2' ? { language: frozenPart(source, 'language') } : {}),
    tokenizers: await readTokenizers(source),
  }
}

const tokenizersOf = ({ tokenizers }: Start) => ({
  languageTokenizer: Tokenizer.fromJson(tokenizers.language),
  qformerTokenizer: Tokenizer.fromJson(tokenizers.qformer),
})

const resized = (config: ModelConfig, imageSize: number): ModelConfig => ({
  ...config,
  vision: { ...config.vision, imageSize },
})

/** The weights that a part of the model has; a WeightsError lists those that `from` lacks. */
function pick(from: Weights, specs: ReadonlyMap<string, unknown>, source: string): Weights {
  const missing = [...specs.keys()].filter((name) => !from.has(name))
  if (missing.length > 0) throw new WeightsError(`${source} lacks the weights ${missing.join(', ')}`)
  return new Map([...specs.keys()].map((name) => [name, from.get(name)!]))
}

interface Finish {
  readonly options: FinetuneOptions<string>
  readonly config: ModelConfig
  readonly vision: HeldEncoder
  /** Hash of the data. */
  readonly pictures: string
  /** The ranks that train together (default: this process alone). */
  readonly communicator?: Communicator
}

/** Trains, and writes the model: the trained parts and the frozen language model as it was. */
async function run(opened: TrainingTask, start: Start, finish: Finish): Promise<void> {
  const { options, config, vision, pictures, communicator } = finish
  const { tokenizers, part, language } = start
  const task = withInputs(opened, {
    vision: hashWeights(await loadPart(start.source, 'vision')),
    [part]: hashWeights(start.trained),
    ...(language ? { language: await hashFrozen(language) } : {}),
    tokenizers: hashJson(tokenizers),
    pictures,
  })
  await train(task, { ...loopOptions(options), ...(communicator ? { communicator } : {}) })
  if (communicator && communicator.rank !== 0) return
  const isVision = (name: string) => name.startsWith(`${IMAGE_ENCODER}.`)
  const { memory } = task.program
  const specs = partSpecs(config).vision
  const statistics = [FEATURE_MEAN, FEATURE_STD].flatMap((name) => {
    const data = vision.weights.get(name)
    return data ? [[name, { shape: specs.get(name)!.shape, data }] as const] : []
  })
  const trained = trainedWeights(memory, (name) => !isVision(name))
  const written = {
    vision: new Map([...trainedWeights(memory, isVision), ...statistics]),
    [part]: trained,
    ...(language ? { language } : {}),
  }
  const card = finetunedCard(config, written, { task: task.config, data: options.data })
  await writeModelDirectory(join(options.out, 'model'), { config, parts: written, tokenizers, card })
}
