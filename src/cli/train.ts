import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Io } from './io.js'
import { positiveInteger } from './options.js'
import { trainingReporter } from './trainingReporter.js'

interface TrainFlags {
  readonly out: string
  readonly resume?: boolean
  readonly steps?: number
  readonly seed?: number
  readonly checkpointEvery?: number
  readonly cache?: string
}

/** `blip2 train vision|language`: the small frozen models that the embedded data set is used with. */
export function registerTrain(program: Command, io: Io): void {
  const train = program
    .command('train')
    .description('train the small frozen models: an image encoder, a language model')
  trainingFlags(
    train.command('vision').description('an image encoder, from drawings and what they are of, without text'),
  ).action(async (flags: TrainFlags) =>
    (await import('../train/recipes/frozenModels.js')).trainVision(recipeOptions(flags, io)),
  )
  trainingFlags(train.command('language').description('a language model, from text alone')).action(
    async (flags: TrainFlags) =>
      (await import('../train/recipes/frozenModels.js')).trainLanguage(recipeOptions(flags, io)),
  )
}

interface PretrainFlags extends TrainFlags {
  readonly preset: 'emoji' | 'emoji-quick'
  readonly vision?: string
  readonly stage1?: string
  readonly languageModel?: string
  readonly data: string
}

/** `blip2 pretrain stage1|stage2`: the paper's two stages. */
export function registerPretrain(program: Command, io: Io): void {
  const pretrain = program
    .command('pretrain')
    .description('bootstrap a model of your own in the two stages of the paper')
  stageFlags(
    pretrain.command('stage1').description('pictures and texts train the Q-Former: contrast, matching, generation'),
  )
    .option('--vision <dir>', 'model directory with the frozen image encoder (default: the one that ships)')
    .action(async (flags: PretrainFlags) => {
      const { pretrainStage1 } = await import('../train/recipes/pretrain.js')
      await pretrainStage1({
        ...stageOptions(flags, io),
        ...(flags.vision === undefined ? {} : { vision: flags.vision }),
      })
    })
  stageFlags(pretrain.command('stage2').description('the queries learn to prompt a frozen language model'))
    .requiredOption('--stage1 <dir>', "directory of stage 1, or 'none' to start from a new Q-Former")
    .option('--language-model <dir>', 'model directory with the frozen language model (default: the one that ships)')
    .action(async (flags: PretrainFlags & { readonly stage1: string }) => {
      const { pretrainStage2 } = await import('../train/recipes/pretrain.js')
      const language = flags.languageModel === undefined ? {} : { languageModel: flags.languageModel }
      await pretrainStage2({ ...stageOptions(flags, io), stage1: flags.stage1, ...language })
    })
}

const trainingFlags = (command: Command): Command =>
  command
    .requiredOption('--out <dir>', 'training directory: settings, metrics, checkpoints, and the model at the end')
    .option('--resume', 'continue from the last checkpoint in --out')
    .option('--steps <n>', "steps instead of the preset's", positiveInteger)
    .option('--seed <n>', 'seed of everything random', wholeNumber)
    .option('--checkpoint-every <n>', 'steps between checkpoints (default: 200)', positiveInteger)
    .option('--cache <dir>', 'where renders of the drawings are kept')

const stageFlags = (command: Command): Command =>
  trainingFlags(command)
    .addOption(new Option('--preset <name>', 'sizes and settings').choices(['emoji', 'emoji-quick']).default('emoji'))
    .option('--data <spec>', "pictures and captions: 'emoji' or a COCO-captions folder", 'emoji')

function recipeOptions({ out, resume, steps, seed, checkpointEvery, cache }: TrainFlags, io: Io) {
  return {
    out,
    resume: resume ?? false,
    ...(steps === undefined ? {} : { steps }),
    ...(seed === undefined ? {} : { seed }),
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    ...(cache === undefined ? {} : { cacheDir: cache }),
    onProgress: trainingReporter(io),
    onStatus: (status: string) => io.err(`${status}\n`),
    signal: io.signal,
  }
}

const stageOptions = (flags: PretrainFlags, io: Io) => ({
  ...recipeOptions(flags, io),
  preset: flags.preset,
  data: flags.data,
})

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number, 0 or more.')
  return value
}
