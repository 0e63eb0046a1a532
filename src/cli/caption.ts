import type { Command } from 'commander'
import { ConfigError } from '../errors.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { Caption, CaptionOptions } from '../tasks/captioner.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, type JsonOption, positiveInteger } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { PictureReader } from './pictureReader.js'
import { addTextOptions, type PresetFlag, presetOf, presetOption, type TextFlags, textOptions } from './textOptions.js'

type Flags = ModelFlags &
  TextFlags &
  PresetFlag &
  JsonOption & { readonly prompt?: string; readonly candidates?: number; readonly stream?: true }

export function registerCaption(program: Command, io: Io): void {
  const command = program
    .command('caption')
    .description('describe pictures')
    .argument('<image...>', 'files, addresses, folders or patterns')
    .option('--prompt <text>', "text in front of the caption (default: the model's own)")
    .option('--candidates <n>', 'captions looked for, of which stage 1 picks the best fitting', positiveInteger)
    .option('--stream', 'print the caption of one picture as it is written')
    .addOption(presetOption())
    .action(async (args: string[], flags: Flags) => {
      const files = await pictureFiles(args)
      const options = optionsOf(flags, io)
      if (flags.stream) return withModel(io, flags, (model) => streamCaption(io, model, files, options, flags))
      await withModel(io, flags, async (model) => {
        const reader = new PictureReader(model, io)
        const results: object[] = []
        for await (const pictures of reader.read(files)) {
          const captions = await model.caption(
            pictures.map(({ image }) => image),
            options,
          )
          for (const [i, caption] of captions.entries()) {
            const { file } = pictures[i]!
            if (flags.json) results.push({ image: file, ...caption })
            else for (const text of textsOf(caption)) io.out(files.length === 1 ? `${text}\n` : `${file}\t${text}\n`)
          }
        }
        if (flags.json) printJson(io, results)
        reader.finish()
      })
    })
  addJsonOption(addModelOptions(addTextOptions(command)))
}

function optionsOf(flags: Flags, io: Io): CaptionOptions {
  const { prompt, candidates } = flags
  return {
    ...textOptions(flags),
    ...presetOf(flags),
    ...(prompt === undefined ? {} : { prompt }),
    ...(candidates === undefined ? {} : { candidates }),
    signal: io.signal,
  }
}

/** The caption and the next best ones. */
export const textsOf = ({ text, alternatives = [] }: Caption): string[] => [
  text,
  ...alternatives.map((other) => other.text),
]

async function streamCaption(io: Io, model: Blip2, files: readonly string[], options: CaptionOptions, flags: Flags) {
  if (files.length > 1 || flags.json)
    throw new ConfigError('--stream prints the caption of one picture, and no JSON; leave it out')
  for await (const piece of model.caption.stream(files[0]!, options)) io.out(piece)
  io.out('\n')
}
