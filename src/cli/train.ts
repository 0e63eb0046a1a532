import { type Command, Option } from 'commander'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../train/pretrain/presets.js'
import type { RecipeOptions } from '../train/recipes/recipe.js'
import { type Io, printJson } from './io.js'
import { type JsonOption, positiveInteger, positiveNumber, probability, wholeNumber } from './options.js'
import { trainingReporter } from './trainingReporter.js'

export interface TrainFlags {
  readonly out: string
  readonly resume?: boolean
  readonly steps?: number
  readonly seed?: number
  readonly checkpointEvery?: number
  readonly cache?: string
  readonly recompute?: boolean
}

/** `blip2 train vision|language|t5`: the small frozen models that the embedded data set is used with. */
export function registerTrain(program: Command, io: Io): void {
  const train = program
    .command('train')
    .description('train the small frozen models: an image encoder, a language model')
  frozenModelFlags(
    train.command('vision').description('an image encoder, from drawings and what they are of, without text'),
  ).action(async (flags: FrozenModelFlags) => {
    const { trainVision } = await import('../train/recipes/frozenModels.js')
    await reported(io, (reports) => trainVision({ ...frozenModelOptions(flags), ...reports }))
  })
  frozenModelFlags(train.command('language').description('a language model, from text alone')).action(
    async (flags: FrozenModelFlags) => {
      const { trainLanguage } = await import('../train/recipes/frozenModels.js')
      await reported(io, (reports) => trainLanguage({ ...frozenModelOptions(flags), ...reports }))
    },
  )
  trainingFlags(
    train
      .command('t5')
      .description("a language model in Flan-T5's form, from text alone: corrupted spans, then instructions"),
  ).action(async (flags: TrainFlags) => {
    const { trainT5 } = await import('../train/t5/recipe.js')
    await reported(io, (reports) => trainT5({ ...recipeOptions(flags), ...reports }))
  })
}

interface FrozenModelFlags extends TrainFlags {
  readonly from?: string
  readonly learningRate?: number
}

const frozenModelFlags = (command: Command): Command =>
  trainingFlags(command)
    .option('--from <dir>', 'go on from the weights of an earlier training, with a new schedule')
    .option('--learning-rate <rate>', "peak of the schedule instead of the preset's", positiveNumber)

const frozenModelOptions = ({ from, learningRate, ...flags }: FrozenModelFlags) => ({
  ...recipeOptions(flags),
  ...(from === undefined ? {} : { from }),
  ...(learningRate === undefined ? {} : { learningRate }),
})

interface PretrainFlags extends TrainFlags, JsonOption {
  readonly dryRun?: boolean
  readonly preset: PretrainPresetName
  readonly data: string
  readonly learningRate?: number
  readonly dropout?: number
  readonly vision?: string
  readonly accumulate?: number
  readonly shardOptimizer?: boolean
  readonly features?: string
}

interface Stage1Flags extends PretrainFlags {
  readonly from?: string
  readonly bert?: string
  readonly distractors?: number
}

interface Stage2Flags extends PretrainFlags {
  readonly stage1: string
  readonly languageModel?: string
  readonly languageDtype?: 'float32' | 'q8'
}

const VISION =
  'frozen image encoder: directory or hub id of CLIP, ViT, or of a BLIP-2, eva_vit_g.pth, or any other as encoder.onnx (default: the one that ships)'

/** `blip2 pretrain stage1|stage2`: the paper's two stages. */
export function registerPretrain(program: Command, io: Io): void {
  const pretrain = program
    .command('pretrain')
    .description('bootstrap a model of your own in the two stages of the paper')
  stageFlags(
    pretrain.command('stage1').description('pictures and texts train the Q-Former: contrast, matching, generation'),
  )
    .option('--vision <model>', VISION)
    .option('--bert <model>', 'BERT that the Q-Former starts from, such as google-bert/bert-base-uncased')
    .option('--from <dir>', 'go on from the weights of an earlier stage 1, with its encoder')
    .option(
      '--distractors <n>',
      "captions besides the batch's own to tell its pictures from, where a batch is small (default: the preset's)",
      wholeNumber,
    )
    .action(async (flags: Stage1Flags) => {
      if (flags.dryRun) return dryRun(io, 'stage1', flags)
      const { pretrainStage1 } = await import('../train/recipes/pretrain.js')
      const { from, bert, distractors } = flags
      const options = {
        ...stageOptions(flags),
        ...(bert === undefined ? {} : { bert }),
        ...(from === undefined ? {} : { from }),
        ...(distractors === undefined ? {} : { distractors }),
      }
      await reported(io, (reports) => pretrainStage1({ ...options, ...reports }))
    })
  stageFlags(pretrain.command('stage2').description('the queries learn to prompt a frozen language model'))
    .requiredOption('--stage1 <dir>', "directory of stage 1, or 'none' to start from a new Q-Former")
    .option('--vision <model>', `with --stage1 none: ${VISION}`)
    .option(
      '--language-model <model>',
      'frozen language model: directory or hub id of OPT, T5 1.1, Flan-T5, or of a BLIP-2 (default: the one that ships)',
    )
    .addOption(
      new Option('--language-dtype <dtype>', 'compute the frozen language model in 8 bits: a quarter of its memory')
        .choices(['float32', 'q8'])
        .default('float32'),
    )
    .action(async (flags: Stage2Flags) => {
      if (flags.dryRun) return dryRun(io, 'stage2', flags)
      const { pretrainStage2 } = await import('../train/recipes/pretrain.js')
      const { stage1, languageModel, languageDtype } = flags
      const options = {
        ...stageOptions(flags),
        stage1,
        ...(languageModel === undefined ? {} : { languageModel }),
        ...(languageDtype === undefined ? {} : { languageDtype }),
      }
      await reported(io, (reports) => pretrainStage2({ ...options, ...reports }))
    })
}

/** What every training command takes. */
export const trainingFlags = (command: Command): Command =>
  command
    .requiredOption('--out <dir>', 'training directory: settings, metrics, checkpoints, and the model at the end')
    .option('--resume', 'go on from the last checkpoint in --out, or begin where there is none')
    .option('--steps <n>', "steps instead of the preset's", positiveInteger)
    .option('--seed <n>', 'seed of everything random', wholeNumber)
    .option('--checkpoint-every <n>', 'steps between checkpoints (default: 200)', positiveInteger)
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .option('--recompute', 'compute layers again in the backward pass: less memory, a third more time')

const stageFlags = (command: Command): Command =>
  trainingFlags(command)
    .addOption(
      new Option('--preset <name>', 'sizes and settings').choices(Object.keys(PRETRAIN_PRESETS)).default('emoji'),
    )
    .option(
      '--data <spec>',
      "'emoji', 'scenes:train', a folder with captions, tar shards, or a mixture (.json)",
      'emoji',
    )
    .option('--learning-rate <rate>', "peak of the schedule instead of the preset's", positiveNumber)
    .option('--dropout <p>', "probability instead of the preset's", probability)
    .option('--accumulate <n>', 'take each batch in n passes: less memory, the same result', positiveInteger)
    .option('--shard-optimizer', 'under a launcher: each rank keeps its share of the optimiser only')
    .option('--features <dir>', 'features made by `blip2 data cache`: the image encoder is not run')
    .option('--dry-run', 'print the settings, and the memory, disk and time that they take; refuse what cannot fit')
    .option('--json', 'with --dry-run: print JSON')

/** Prints what a training would be and take; ends with wrong use where it cannot run on this machine. */
async function dryRun(
  io: Io,
  stage: 'stage1' | 'stage2',
  flags: PretrainFlags & Partial<Stage1Flags & Stage2Flags>,
): Promise<void> {
  const { describePlan, planPretraining, refuseWhatCannotFit } = await import('../train/recipes/dryRun.js')
  const { stage1, bert, distractors, languageModel, languageDtype, recompute } = flags
  const plan = await planPretraining(stage, {
    ...stageOptions(flags),
    ...(distractors === undefined ? {} : { distractors }),
    ...(stage1 === undefined ? {} : { stage1 }),
    ...(bert === undefined ? {} : { bert }),
    ...(languageModel === undefined ? {} : { languageModel }),
    ...(languageDtype === undefined ? {} : { languageDtype }),
    ...(recompute === undefined ? {} : { recompute }),
  })
  if (flags.json) printJson(io, plan)
  else io.out(describePlan(plan))
  refuseWhatCannotFit(plan)
}

/** The flags of every training command, as its recipe takes them. */
export function recipeOptions({ out, resume, steps, seed, checkpointEvery, cache, recompute }: TrainFlags) {
  return {
    out,
    resume: resume ?? false,
    ...(steps === undefined ? {} : { steps }),
    ...(seed === undefined ? {} : { seed }),
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    ...(cache === undefined ? {} : { cacheDir: cache }),
    ...(recompute === undefined ? {} : { recompute }),
  }
}

const stageOptions = (flags: PretrainFlags) => ({
  ...recipeOptions(flags),
  preset: flags.preset,
  data: flags.data,
  ...(flags.learningRate === undefined ? {} : { learningRate: flags.learningRate }),
  ...(flags.dropout === undefined ? {} : { dropout: flags.dropout }),
  ...(flags.vision === undefined ? {} : { vision: flags.vision }),
  ...(flags.accumulate === undefined ? {} : { accumulate: flags.accumulate }),
  ...(flags.shardOptimizer === undefined ? {} : { shardOptimizer: flags.shardOptimizer }),
  ...(flags.features === undefined ? {} : { features: flags.features }),
})

/** Runs a training that reports to the user, who may stop it. */
export async function reported(
  io: Io,
  work: (reports: Pick<RecipeOptions, 'onProgress' | 'onStatus' | 'signal'>) => Promise<void>,
): Promise<void> {
  const { onProgress, onStatus, close } = trainingReporter(io)
  try {
    await work({ onProgress, onStatus, signal: io.signal })
  } catch (error) {
    if (io.signal.aborted) onStatus('stopped; the same command with --resume goes on from the last checkpoint')
    throw error
  } finally {
    close()
  }
}
