import type { Command } from 'commander'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import {
  addGenerationOptions,
  addJsonOption,
  type GenerationFlags,
  generationFlags,
  type JsonOption,
} from './options.js'

type Flags = ModelFlags & GenerationFlags & JsonOption

export function registerCaption(program: Command, io: Io): void {
  const command = program
    .command('caption')
    .description('describe pictures')
    .argument('<image...>', 'files or addresses')
    .action(async (images: string[], flags: Flags) => {
      const options = { ...generationFlags(flags), signal: io.signal }
      const captions = await withModel(io, flags, (model) => model.caption(images, options))
      if (flags.json) {
        printJson(
          io,
          captions.map((caption, i) => ({ image: images[i], ...caption })),
        )
        return
      }
      for (const [i, { text }] of captions.entries())
        io.out(images.length === 1 ? `${text}\n` : `${images[i]}\t${text}\n`)
    })
  addJsonOption(addModelOptions(addGenerationOptions(command)))
}
