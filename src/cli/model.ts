import { type Command, Option } from 'commander'
import { DEVICES, type Device } from '../runtime/devices.js'
import { MODEL_DTYPES, type ModelDtypeName } from '../quantize/weightBits.js'
import { Blip2 } from '../tasks/blip2.js'
import { SHIPPED_MODEL } from '../weights/shippedModel.js'
import type { Io } from './io.js'
import { positiveInteger } from './options.js'
import { progressLine } from './progress.js'

export interface ModelFlags extends FrozenModelFlags {
  readonly model: string
  readonly device: Device
  readonly dtype: ModelDtypeName
  readonly threads?: number
}

/** The models beside a checkpoint of the authors. */
export interface FrozenModelFlags {
  readonly visionModel?: string
  readonly languageModel?: string
  readonly bert?: string
}

/** Of the commands that compare pictures with texts. */
export interface RetrievalModelFlag {
  readonly retrievalModel?: string
}

export const addModelOptions = (command: Command): Command =>
  addFrozenModelOptions(
    command
      .addOption(
        new Option('--model <model>', 'directory, OWNER/NAME on the Hugging Face hub, or .pth of the authors').default(
          SHIPPED_MODEL,
          'the drawings model of this package',
        ),
      )
      .addOption(new Option('--device <device>', 'where it runs').choices([...DEVICES]).default('cpu'))
      .addOption(dtypeOption())
      .option('--threads <n>', 'threads of one operator (default: one per core)', positiveInteger),
  )

export const addFrozenModelOptions = (command: Command): Command =>
  command
    .option('--vision-model <model>', 'with a .pth: its image encoder, eva_vit_g.pth or a directory')
    .option('--language-model <model>', 'with a .pth: its language model, directory or OWNER/NAME')
    .option('--bert <model>', 'with a .pth of stage 1: the BERT whose vocabulary it reads')

export const addRetrievalModelOption = (command: Command): Command =>
  command.option(
    '--retrieval-model <model>',
    'model for match, vectors, search and attention, where --model has no stage 1: directory or OWNER/NAME',
  )

/** The model that compares pictures with texts. */
export const forRetrieval = <Flags extends ModelFlags & RetrievalModelFlag>(flags: Flags): Flags => ({
  ...flags,
  model: flags.retrievalModel ?? flags.model,
})

/** Fewer bits a weight; see docs/quantization.md. */
export const dtypeOption = (): Option =>
  new Option('--dtype <dtype>', 'q8 and q4 take less memory, for small errors')
    .choices(Object.keys(MODEL_DTYPES))
    .default('float32' satisfies ModelDtypeName)

/** Opens the model for as long as `work` takes. */
export async function withModel<T>(io: Io, flags: ModelFlags, work: (model: Blip2) => Promise<T>): Promise<T> {
  const progress = progressLine(io)
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  await using model = await Blip2.fromPretrained(flags.model, {
    device: flags.device,
    dtype: MODEL_DTYPES[flags.dtype],
    signal: io.signal,
    onDownload: ({ file, done, total }) => progress.report(`fetching ${file}, MB`, megabytes(done), megabytes(total)),
    onConversion: ({ done, total }) => progress.report('converting weights, MB', megabytes(done), megabytes(total)),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
    ...frozenModels(flags),
  })
  progress.clear()
  return await work(model)
}

/** As the library takes them. */
export const frozenModels = ({ visionModel, languageModel, bert }: FrozenModelFlags) => ({
  ...(visionModel === undefined ? {} : { vision: visionModel }),
  ...(languageModel === undefined ? {} : { languageModel }),
  ...(bert === undefined ? {} : { bert }),
})
