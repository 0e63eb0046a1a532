import { type Command, Option } from 'commander'
import { CAPTION_PRESETS, RETRIEVAL_PRESETS, VQA_PRESETS } from '../train/finetune/presets.js'
import type { FinetuneOptions } from '../train/finetune/finetune.js'
import { SHIPPED_MODEL } from '../weights/shippedModel.js'
import type { Io } from './io.js'
import { recipeOptions, reported, type TrainFlags, trainingFlags } from './train.js'

type Flags<Preset extends string> = TrainFlags & {
  readonly model: string
  readonly data: string
  readonly preset: Preset
}

/** `blip2 finetune caption|vqa|retrieval`: the paper's fine-tunings; the image encoder is trained too. */
export function registerFinetune(program: Command, io: Io): void {
  const finetune = program
    .command('finetune')
    .description('train a model further for one task, its image encoder too; the language model stays frozen')
  const add = <Preset extends string>(
    name: string,
    description: string,
    presets: Readonly<Record<Preset, unknown>>,
    defaultPreset: Preset,
    data: string,
    run: () => Promise<(options: FinetuneOptions<Preset>) => Promise<void>>,
  ) =>
    trainingFlags(finetune.command(name).description(description))
      .option('--model <dir>', 'model to start from (default: the one that ships)', SHIPPED_MODEL)
      .requiredOption('--data <spec>', data)
      .addOption(
        new Option('--preset <name>', 'sizes and settings').choices(Object.keys(presets)).default(defaultPreset),
      )
      .action(async (flags: Flags<Preset>) => {
        const { model, data: spec, preset } = flags
        const work = await run()
        await reported(io, (reports) => work({ ...recipeOptions(flags), model, data: spec, preset, ...reports }))
      })
  const captioned = "pictures and captions: 'emoji', 'scenes:train' or a COCO-captions folder"
  add('caption', 'captions, after the words "a photo of"', CAPTION_PRESETS, 'emoji', captioned, async () => {
    return (await import('../train/finetune/finetune.js')).finetuneCaption
  })
  const asked = "'scenes:train', or a folder with questions.json, annotations.json, captions.json and images/"
  add('vqa', 'answers; the Q-Former reads the question too', VQA_PRESETS, 'emoji-vqa', asked, async () => {
    return (await import('../train/finetune/finetune.js')).finetuneVqa
  })
  add(
    'retrieval',
    'match and search: contrast, matching, generation',
    RETRIEVAL_PRESETS,
    'emoji',
    captioned,
    async () => {
      return (await import('../train/finetune/finetune.js')).finetuneRetrieval
    },
  )
}
