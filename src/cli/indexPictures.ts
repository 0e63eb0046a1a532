import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { DataError } from '../errors.js'
import { PictureIndex } from '../pictureIndex/pictureIndex.js'
import type { Blip2 } from '../tasks/blip2.js'
import { indexModelFlags, isIndexName } from './indexModel.js'
import { type Io, printJson } from './io.js'
import {
  addModelOptions,
  addRetrievalModelOption,
  forRetrieval,
  type ModelFlags,
  type RetrievalModelFlag,
  withModel,
} from './model.js'
import { addJsonOption, type JsonOption } from './options.js'
import { progressLine } from './progress.js'

type Flags = ModelFlags & RetrievalModelFlag & JsonOption & { readonly out: string }

export function registerIndex(program: Command, io: Io): void {
  const command = program
    .command('index')
    .description('keep an index of pictures for search: new and changed files are read, those that are gone taken out')
    .argument('<path...>', 'folders, with the folders in them, and files')
    .requiredOption('--out <index>', 'the index, a name that ends in .lance; it is made where it is not there')
    .action(async (paths: string[], flags: Flags) => {
      if (!isIndexName(flags.out)) command.error('error: --out needs a name that ends in .lance')
      if (existsSync(flags.out)) {
        using index = await PictureIndex.open(flags.out)
        await withModel(io, indexModelFlags(command, flags, index), (model) => update(io, model, index, paths, flags))
      } else {
        const chosen = forRetrieval(flags)
        await withModel(io, chosen, async (model) => {
          // A hub id is no path.
          const name = existsSync(chosen.model) ? resolve(chosen.model) : chosen.model
          using index = await PictureIndex.create(flags.out, model, { name })
          await update(io, model, index, paths, flags)
        })
      }
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}

async function update(
  io: Io,
  model: Blip2,
  index: PictureIndex,
  paths: readonly string[],
  flags: Flags,
): Promise<void> {
  const progress = progressLine(io)
  const counts = await index.update(model, paths, {
    signal: io.signal,
    onProgress: (done, total) => progress.report('indexing pictures', done, total),
    onBroken: (_, error) => {
      progress.clear()
      io.err(`skipped: ${error.message}\n`)
    },
  })
  progress.clear()
  const pictures = await index.count()
  if (flags.json) printJson(io, { index: flags.out, pictures, ...counts })
  else
    io.out(
      `${flags.out}: ${pictures} pictures (${counts.added} added, ${counts.changed} changed, ${counts.removed} removed, ${counts.unchanged} unchanged)\n`,
    )
  if (counts.broken > 0) throw new DataError(`${counts.broken} pictures could not be read`)
}
