import type { Command } from 'commander'
import { rankImages } from '../tasks/rank.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, candidatesOption, type JsonOption, positiveInteger } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { PictureReader } from './pictureReader.js'

type Flags = ModelFlags & JsonOption & { readonly top: number; readonly k: number }

export function registerSearch(program: Command, io: Io): void {
  const command = program
    .command('search')
    .description('find the pictures of a folder that fit a text best')
    .argument('<text>', 'what to look for')
    .argument('<image...>', 'folders, patterns or files; they are read each time')
    .option('--top <n>', 'pictures listed', positiveInteger, 10)
    .addOption(candidatesOption())
    .action(async (text: string, args: string[], flags: Flags) => {
      const files = await pictureFiles(args)
      await withModel(io, flags, async (model) => {
        const reader = new PictureReader(model, io)
        const pictures = await reader.readAll(files)
        const images = pictures.map(({ image }) => image)
        const options = { k: Math.max(flags.k, flags.top), signal: io.signal }
        const ranked = (await rankImages(model, text, images, options)).slice(0, flags.top)
        const found = ranked.map(({ index, itm, itc }) => ({ image: pictures[index]!.file, itm, itc }))
        if (flags.json) printJson(io, found)
        else {
          io.out('itm\titc\timage\n')
          for (const { image, itm, itc } of found) io.out(`${itm.toFixed(4)}\t${itc.toFixed(4)}\t${image}\n`)
        }
        reader.finish()
      })
    })
  addJsonOption(addModelOptions(command))
}
