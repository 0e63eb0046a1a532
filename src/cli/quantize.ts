import { type Command, Option } from 'commander'
import type { ComponentError } from '../quantize/componentErrors.js'
import type { QuantizationReport } from '../quantize/quantizeModel.js'
import { LANGUAGE_DTYPES, type ModelDtype, VISION_DTYPES } from '../quantize/weightBits.js'
import { type Io, printJson } from './io.js'
import { frozenModels } from './model.js'
import { addJsonOption, type JsonOption } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { progressLine } from './progress.js'

interface Flags extends JsonOption, Required<ModelDtype> {
  readonly compare: boolean
  readonly pictures?: string[]
  readonly cache?: string
  readonly visionModel?: string
  readonly languageModelFrom?: string
  readonly bert?: string
}

export function registerQuantize(program: Command, io: Io): void {
  const command = program
    .command('quantize')
    .description('write a model with fewer bits a weight: a smaller file, less memory, faster decoding')
    .argument('<model>', 'directory, OWNER/NAME on the hub, or .pth of the authors')
    .argument('<dir>', 'where it is written; must not exist yet')
    .addOption(new Option('--vision <dtype>', 'the vision encoder').choices([...VISION_DTYPES]).default('q8'))
    .addOption(new Option('--language-model <dtype>', 'the language model').choices([...LANGUAGE_DTYPES]).default('q4'))
    .option('--no-compare', 'do not run both models to see what changes')
    .option('--pictures <image...>', 'what both models are run over (default: four drawings)')
    .option('--cache <dir>', 'where the float32 weights of the comparison are kept')
    .option('--vision-model <model>', 'with a .pth: its image encoder, eva_vit_g.pth or a directory')
    .option('--language-model-from <model>', 'with a .pth: its language model, directory or OWNER/NAME')
    .option('--bert <model>', 'with a .pth of stage 1: the BERT whose vocabulary it reads')
    .action(async (model: string, directory: string, flags: Flags) => {
      const { quantizeModel } = await import('../quantize/quantizeModel.js')
      const progress = progressLine(io)
      const toMegabytes = (bytes: number) => Math.round(bytes / 1e6)
      const report = await quantizeModel(model, directory, {
        dtype: { vision: flags.vision, languageModel: flags.languageModel },
        compare: flags.compare,
        frozen: modelsBeside(flags),
        signal: io.signal,
        onProgress: (part, done, total) => progress.report(`${part}, MB`, toMegabytes(done), toMegabytes(total)),
        ...(flags.pictures ? { pictures: await pictureFiles(flags.pictures) } : {}),
        ...(flags.cache ? { cacheDir: flags.cache } : {}),
      })
      progress.clear()
      if (flags.json) printJson(io, report)
      else io.out(reportText(directory, report))
    })
  addJsonOption(command)
}

/** The models beside a checkpoint of the authors; `--language-model` says how the language model is stored. */
const modelsBeside = ({ visionModel, languageModelFrom, bert }: Flags) =>
  frozenModels({
    ...(visionModel === undefined ? {} : { visionModel }),
    ...(languageModelFrom === undefined ? {} : { languageModel: languageModelFrom }),
    ...(bert === undefined ? {} : { bert }),
  })

function reportText(directory: string, { bytes, weights, errors }: QuantizationReport): string {
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(3)} GB`
  const lines = [`${directory}: ${gigabytes(bytes.written)}; as float32 it would be ${gigabytes(bytes.float32)}`]
  for (const [part, { matrices, asymmetric, largestError }] of Object.entries(weights))
    lines.push(
      `${part}: ${matrices} matrices, ${asymmetric} of them asymmetric; largest relative error ${percent(largestError)}`,
    )
  const named = [
    ['vision encoder', errors?.vision],
    ['language model', errors?.languageModel],
    ['both', errors?.together],
  ] as const
  for (const [name, error] of named) if (error) lines.push(`${name} quantised: ${errorText(error)}`)
  return `${lines.join('\n')}\n`
}

function errorText({ features, logits, nextTokenAgreement }: ComponentError): string {
  const parts = [
    ...(features === undefined ? [] : [`features off by ${percent(features)}`]),
    ...(logits === undefined ? [] : [`logits off by ${percent(logits)}`]),
    ...(nextTokenAgreement === undefined ? [] : [`${percent(nextTokenAgreement)} of next tokens the same`]),
  ]
  return parts.join(', ')
}

const percent = (share: number): string => `${(100 * share).toPrecision(3)} %`
