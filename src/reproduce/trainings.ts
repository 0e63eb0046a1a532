import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { languageCorpus } from '../data/text/corpus.js'
import { evaluateCaptions } from '../eval/caption.js'
import { openEvaluationSet } from '../eval/evaluationSet.js'
import { answerQuestions, scoreAnswers } from '../eval/questions.js'
import { openQuestionSet } from '../eval/questionSet.js'
import { evaluateRetrieval, type RetrievalOptions } from '../eval/retrieval.js'
import type { OptConfig } from '../models/opt.js'
import { Blip2 } from '../tasks/blip2.js'
import { Tokenizer } from '../text/tokenizer.js'
import { finetuneVqa } from '../train/finetune/finetune.js'
import { emojiLanguage } from '../train/language/presets.js'
import { languageTask } from '../train/language/trainLanguage.js'
import { train } from '../train/loop.js'
import { trainVision } from '../train/recipes/frozenModels.js'
import { loadPart, readTokenizers, trainedWeights } from '../train/recipes/parts.js'
import {
  pretrainStage1,
  pretrainStage2,
  type Stage1RecipeOptions,
  type Stage2RecipeOptions,
} from '../train/recipes/pretrain.js'
import type { RecipeOptions } from '../train/recipes/recipe.js'
import { readModelDirectory, writeModelDirectory } from '../weights/modelDirectory.js'
import type { RunScores } from './experiment.js'
import type { RunContext } from './runContext.js'

/** Trains under a name, once: a training that is over is not done again, one that was stopped goes on. -> its directory */
export async function trained(
  { directory, seed, cacheDir, signal, onStatus }: RunContext,
  name: string,
  work: (options: RecipeOptions) => Promise<void>,
): Promise<string> {
  const out = join(directory, 'trainings', name)
  const isOver = await access(join(out, 'model', 'config.json')).then(
    () => true,
    () => false,
  )
  if (isOver) return out
  onStatus?.(`training ${name}`)
  await work({
    out,
    resume: true,
    seed,
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(signal ? { signal } : {}),
  })
  return out
}

/** Stage 1 at emoji-quick size. @param name says how it differs, with the seed */
export const quickStage1 = (
  context: RunContext,
  name: string,
  changes: Partial<Stage1RecipeOptions> = {},
): Promise<string> =>
  trained(context, `stage1-${name}-seed${context.seed}`, (options) =>
    pretrainStage1({
      preset: 'emoji-quick',
      data: 'emoji',
      vision: context.model,
      steps: context.size.stage1,
      ...options,
      ...changes,
    }),
  )

/** Stage 2 at emoji-quick size, after the given stage 1 or none. */
export const quickStage2 = (
  context: RunContext,
  name: string,
  changes: Pick<Stage2RecipeOptions, 'stage1'> & Partial<Stage2RecipeOptions>,
): Promise<string> =>
  trained(context, `stage2-${name}-seed${context.seed}`, (options) =>
    pretrainStage2({
      preset: 'emoji-quick',
      data: 'emoji',
      languageModel: context.model,
      steps: context.size.stage2,
      ...options,
      ...changes,
    }),
  )

/** Fine-tuning for answers, of far fewer steps than that of models/emoji-vqa. */
export const quickVqa = (context: RunContext): Promise<string> =>
  trained(context, `vqa-seed${context.seed}`, (options) =>
    finetuneVqa({
      preset: 'emoji-vqa',
      model: context.model,
      data: 'scenes:train',
      steps: context.size.vqa,
      ...options,
    }),
  )

/** An image encoder trained for a few steps; the same for every seed. */
export const shortVision = (context: RunContext): Promise<string> =>
  trained({ ...context, seed: 1 }, 'vision', (options) => trainVision({ ...options, steps: context.size.vision }))

/** A language model of other sizes, trained for some steps on the embedded corpus; the same for every seed. */
export const quickLanguage = (
  context: RunContext,
  name: string,
  sizes: Pick<OptConfig, 'width' | 'layers' | 'heads' | 'feedForward'>,
): Promise<string> =>
  trained({ ...context, seed: 1 }, `language-${name}`, async ({ out, resume, signal }) => {
    const source = await readModelDirectory(context.model)
    const tokenizers = await readTokenizers(source)
    const language = { ...emojiLanguage.language, ...sizes }
    const steps = context.size.language
    const warmupSteps = Math.round(steps / 20)
    const config = { ...emojiLanguage, language, steps, warmupSteps, validateEvery: steps }
    const corpus = languageCorpus({ seed: config.seed, captionRepeats: 40 })
    await using task = await languageTask(config, Tokenizer.fromJson(tokenizers.language), corpus)
    await train(task, { directory: out, resume, ...(signal ? { signal } : {}) })
    await writeModelDirectory(join(out, 'model'), {
      config: { ...source.config, language: { kind: 'opt', ...language } },
      parts: { language: trainedWeights(task.program.memory) },
      tokenizers,
      card: '# A language model of an experiment\n',
    })
  })

/** The frozen models with another number of queries, for stage 1 to begin with. -> model directory */
export async function withQueries(context: RunContext, queries: number): Promise<string> {
  const run = await trained({ ...context, seed: 1 }, `queries-${queries}`, async ({ out }) => {
    const source = await readModelDirectory(context.model)
    await writeModelDirectory(join(out, 'model'), {
      config: { ...source.config, qformer: { ...source.config.qformer, queries } },
      parts: { vision: await loadPart(source, 'vision') },
      tokenizers: await readTokenizers(source),
      card: '# Frozen models of an experiment\n',
    })
  })
  return join(run, 'model')
}

/** Retrieval and captions of a vendor that no training saw. */
const CAPTIONED = 'emoji:val-style'

/** @param options `k` of 1 leaves the order to ITC. */
export async function retrievalScores(
  context: RunContext,
  run: string,
  options: Pick<RetrievalOptions, 'k'> = {},
): Promise<RunScores> {
  return withModel(context, run, async (model) => {
    // The floor of nearest pixels, which takes seconds, is the same for all.
    const { pixelFloor: _, ...set } = await openEvaluationSet(CAPTIONED, opened(context))
    const { textRecallAt1, textRecallAt10, imageRecallAt1, imageRecallAt10 } = await evaluateRetrieval(model, set, {
      ...options,
      ...stopping(context),
    })
    return { textRecallAt1, textRecallAt10, imageRecallAt1, imageRecallAt10 }
  })
}

export async function captionScores(context: RunContext, run: string): Promise<RunScores> {
  return withModel(context, run, async (model) => {
    const set = await openEvaluationSet(CAPTIONED, opened(context))
    const { wordF1, exactMatch } = await evaluateCaptions(model, set, stopping(context))
    return { wordF1, exactMatch }
  })
}

/** Answers to questions about scenes. @param template see `AskOptions` */
export async function vqaScores(context: RunContext, run: string, template?: string): Promise<RunScores> {
  return withModel(context, run, async (model) => {
    const { questions, known } = await openQuestionSet('scenes:val', opened(context))
    const answered = await answerQuestions(model, questions, {
      ...stopping(context),
      ...(template === undefined ? {} : { template }),
    })
    const { overall, questionOnly = 0 } = scoreAnswers('vqav2', answered, known ? { known } : {})
    return { accuracy: overall / 100, questionOnly: questionOnly / 100 }
  })
}

async function withModel<T>(
  { signal, onStatus }: RunContext,
  run: string,
  work: (model: Blip2) => Promise<T>,
): Promise<T> {
  onStatus?.(`scoring ${run}`)
  const isTraining = await access(join(run, 'model')).then(
    () => true,
    () => false,
  )
  await using model = await Blip2.fromPretrained(isTraining ? join(run, 'model') : run, signal ? { signal } : {})
  return await work(model)
}

const opened = ({ cacheDir, signal }: RunContext) => ({
  ...(cacheDir === undefined ? {} : { cacheDir }),
  ...(signal ? { signal } : {}),
})

const stopping = ({ limit, signal }: RunContext) => ({ limit, ...(signal ? { signal } : {}) })
