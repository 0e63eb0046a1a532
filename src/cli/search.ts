import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { DataError, ImageError } from '../errors.js'
import { decodeImage } from '../image/decode.js'
import type { Blip2 } from '../tasks/blip2.js'
import type { EncodedImage } from '../tasks/imageEncoder.js'
import { rankImages } from '../tasks/rank.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import { addJsonOption, candidatesOption, type JsonOption, positiveInteger } from './options.js'
import { progressLine } from './progress.js'

type Flags = ModelFlags & JsonOption & { readonly top: number; readonly k: number }

export function registerSearch(program: Command, io: Io): void {
  const command = program
    .command('search')
    .description('find the pictures of a folder that fit a text best')
    .argument('<text>', 'what to look for')
    .argument('<folder>', 'its pictures and those of the folders in it are read each time')
    .option('--top <n>', 'pictures listed', positiveInteger, 10)
    .addOption(candidatesOption())
    .action(async (text: string, folder: string, flags: Flags) => {
      const files = await pictureFiles(folder)
      const found = await withModel(io, flags, async (model) => {
        const pictures = await encodeReadable(model, files, io)
        const images = pictures.map(({ image }) => image)
        const options = { k: Math.max(flags.k, flags.top), signal: io.signal }
        const ranked = await rankImages(model, text, images, options)
        return ranked.slice(0, flags.top).map(({ index, itm, itc }) => ({ image: pictures[index]!.file, itm, itc }))
      })
      if (flags.json) {
        printJson(io, found)
        return
      }
      io.out('itm\titc\timage\n')
      for (const { image, itm, itc } of found) io.out(`${itm.toFixed(4)}\t${itc.toFixed(4)}\t${image}\n`)
    })
  addJsonOption(addModelOptions(command))
}

const PICTURE = /\.(png|jpe?g|webp|gif|avif|tiff?|svg)$/i

async function pictureFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot read the folder ${folder}: ${cause.code ?? cause.message}`, { cause })
  })
  const files = entries.filter((entry) => PICTURE.test(entry)).sort()
  if (files.length === 0) throw new DataError(`${folder} holds no pictures`)
  return files.map((file) => join(folder, file))
}

/** A picture that cannot be read is reported and left out: one bad file must not hide the others. */
async function encodeReadable(model: Blip2, files: readonly string[], io: Io) {
  const progress = progressLine(io)
  const readable: { file: string; image: EncodedImage }[] = []
  for (const [i, file] of files.entries()) {
    try {
      const { rgb, width, height } = await decodeImage(file, io.signal)
      const image = await model.encode({ data: rgb, width, height, channels: 3 }, { signal: io.signal })
      readable.push({ file, image })
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      progress.clear()
      io.err(`skipped: ${error.message}\n`)
    }
    progress.report('reading pictures', i + 1, files.length)
  }
  progress.clear()
  if (readable.length === 0) throw new DataError('none of the pictures could be read')
  return readable
}
