import { type Command, Option } from 'commander'
import { PRETRAIN_PRESETS, type PretrainPresetName } from '../train/pretrain/presets.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger, wholeNumber } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & {
  readonly model?: string
  readonly data: string
  readonly out: string
  readonly preset: PretrainPresetName
  readonly views: number
  readonly seed: number
  readonly batch: number
  readonly resume?: true
  readonly cache?: string
}

/** `blip2 data cache`: features of a frozen encoder, for trainings that do not run it. */
export function registerDataCache(data: Command, io: Io): void {
  const command = data
    .command('cache')
    .description('write what a frozen image encoder makes of the pictures, for `blip2 pretrain --features`')
    .option(
      '--model <model>',
      'frozen image encoder: directory or hub id of CLIP, ViT, or of a BLIP-2, or eva_vit_g.pth (default: the one that ships)',
    )
    .option('--data <spec>', 'what will be trained on, as with `blip2 pretrain`', 'emoji')
    .requiredOption('--out <dir>', 'where the features go')
    .option('--views <n>', 'augmented views of each picture', positiveInteger, 4)
    .addOption(new Option('--dtype <type>', 'type of the stored numbers').choices(['f16']).default('f16'))
    .addOption(
      new Option('--preset <name>', 'the training preset whose augmentation is used')
        .choices(Object.keys(PRETRAIN_PRESETS))
        .default('emoji'),
    )
    .option('--seed <n>', 'seed of the views', wholeNumber, 0)
    .option('--batch <n>', 'views that are encoded at a time', positiveInteger, 32)
    .option('--resume', 'go on after the last finished shard in --out, or begin where there is none')
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .action(async ({ model, data: spec, out, preset, views, seed, batch, resume, cache, json }: Flags) => {
      const { cacheFeatures } = await import('../train/recipes/cacheFeatures.js')
      const progress = progressLine(io)
      const index = await cacheFeatures({
        ...{ data: spec, out, preset, views, seed, batch, resume: resume ?? false, signal: io.signal },
        ...(model === undefined ? {} : { model }),
        ...(cache === undefined ? {} : { cacheDir: cache }),
        onStatus: (status) => {
          if (io.interactive) io.err(`${status}\n`)
        },
        onProgress: (done, total) => progress.report('encoding views', done, total),
      })
      progress.clear()
      const { pictures, tokens, width, shards } = index
      const bytes = 2 * pictures * index.views.count * tokens * width
      if (json) printJson(io, { out, pictures, views: index.views.count, tokens, width, shards: shards.length, bytes })
      else
        io.out(
          `${out}: ${index.views.count} view${index.views.count === 1 ? '' : 's'} of ${pictures} pictures, ${tokens} x ${width} numbers each, ${(bytes / 2 ** 20).toFixed(1)} MiB in ${shards.length} shard${shards.length === 1 ? '' : 's'}\n`,
        )
    })
  addJsonOption(command)
}
