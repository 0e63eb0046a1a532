import { relative } from 'node:path'
import type { Command } from 'commander'
import { DataError, type ImageError } from '../errors.js'
import { PictureIndex } from '../pictureIndex/pictureIndex.js'
import { indexModelFlags } from './indexModel.js'
import { type Io, printJson } from './io.js'
import { type ModelFlags, type RetrievalModelFlag, withModel } from './model.js'
import type { JsonOption } from './options.js'

export type SearchIndexFlags = ModelFlags &
  RetrievalModelFlag &
  JsonOption & {
    readonly top: number
    readonly rerank?: number
    readonly like?: string
    readonly duplicates?: true
    readonly exact?: true
  }

/** `blip2 search album.lance`: by a text, by a picture, or for duplicates. */
export async function searchIndex(
  command: Command,
  io: Io,
  folder: string,
  text: string | undefined,
  flags: SearchIndexFlags,
): Promise<void> {
  if ([text, flags.like, flags.duplicates].filter((asked) => asked !== undefined).length !== 1)
    command.error('error: with an index give a text, or --like <image>, or --duplicates')
  using index = await PictureIndex.open(folder)
  if (flags.duplicates) return await printDuplicates(io, index, flags)
  await withModel(io, indexModelFlags(command, flags, index), async (model) => {
    const { top, exact = false, like } = flags
    const options = { top, exact, signal: io.signal }
    if (text === undefined) {
      const found = await index.similar(model, like!, options)
      if (flags.json) printJson(io, found.map(withImage))
      else printTable(io, ['similarity'], found)
      return
    }
    const broken: ImageError[] = []
    const onBroken = (_: string, error: ImageError) => {
      broken.push(error)
      io.err(`skipped: ${error.message}\n`)
    }
    const rerank = flags.rerank ?? 0
    const found = await index.search(model, text, { ...options, rerank, onBroken })
    if (flags.json) printJson(io, found.map(withImage))
    else printTable(io, rerank > 0 ? ['itm', 'itc'] : ['itc'], found)
    if (broken.length > 0)
      throw new DataError(`${broken.length} pictures could not be read again; bring the index up to date: blip2 index`)
  })
}

async function printDuplicates(io: Io, index: PictureIndex, { json }: SearchIndexFlags): Promise<void> {
  const groups = await index.duplicates()
  if (json)
    printJson(
      io,
      groups.map((group) => group.map(withImage)),
    )
  else
    for (const group of groups) {
      for (const { path, bytes, similarity } of group) io.out(`${similarity.toFixed(4)}\t${bytes}\t${shown(path)}\n`)
      io.out('\n')
    }
}

/** The path under the name that every command gives it. */
const withImage = <T extends { readonly path: string }>({ path, ...scores }: T) => ({ image: path, ...scores })

function printTable<Score extends string>(
  io: Io,
  columns: readonly Score[],
  found: readonly (Readonly<Partial<Record<Score, number>>> & { readonly path: string })[],
): void {
  io.out(`${[...columns, 'image'].join('\t')}\n`)
  for (const one of found) {
    const scores = columns.map((column) => one[column]?.toFixed(4) ?? '')
    io.out(`${[...scores, shown(one.path)].join('\t')}\n`)
  }
}

/** From the current folder where the picture is in it. */
function shown(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}
