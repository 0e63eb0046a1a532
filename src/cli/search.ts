import type { Command } from 'commander'
import { rankImages } from '../tasks/rank.js'
import { isIndexName } from './indexModel.js'
import { type Io, printJson } from './io.js'
import {
  addModelOptions,
  addRetrievalModelOption,
  forRetrieval,
  type ModelFlags,
  type RetrievalModelFlag,
  withModel,
} from './model.js'
import { addJsonOption, candidatesOption, type JsonOption, positiveInteger } from './options.js'
import { pictureFiles } from './pictureFiles.js'
import { PictureReader } from './pictureReader.js'
import { type SearchIndexFlags, searchIndex } from './searchIndex.js'

type FolderFlags = ModelFlags & RetrievalModelFlag & JsonOption & { readonly top: number; readonly k: number }

export function registerSearch(program: Command, io: Io): void {
  const command = program
    .command('search')
    .description('find the pictures of a folder, or of an index, that fit a text best')
    .argument('<what>', 'what to look for; or an index made by `blip2 index`, such as album.lance, and then the text')
    .argument('[image...]', 'folders, patterns or files; they are read each time')
    .option('--top <n>', 'pictures listed', positiveInteger, 10)
    .addOption(candidatesOption())
    .option('--rerank <n>', 'index: the best by vector that are opened and scored by the joint pass', positiveInteger)
    .option('--like <image>', 'index: look for pictures like this one, in place of a text')
    .option('--duplicates', 'index: list pictures that are there more than once')
    .option('--exact', 'index: compare with every picture, however many there are')
    .action(async (what: string, args: string[], flags: FolderFlags & SearchIndexFlags) => {
      if (!isIndexName(what)) return searchFolder(command, io, what, args, flags)
      if (args.length > 1) command.error('error: an index is searched for one text; put it in quotes')
      await searchIndex(command, io, what, args[0], flags)
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}

async function searchFolder(
  command: Command,
  io: Io,
  text: string,
  args: readonly string[],
  flags: FolderFlags & SearchIndexFlags,
): Promise<void> {
  const forIndex = (['rerank', 'like', 'duplicates', 'exact'] as const).find((flag) => flags[flag] !== undefined)
  if (forIndex !== undefined) command.error(`error: --${forIndex} needs an index: blip2 search album.lance ...`)
  if (args.length === 0) command.error("error: missing required argument 'image'")
  const files = await pictureFiles(args)
  await withModel(io, forRetrieval(flags), async (model) => {
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
}
