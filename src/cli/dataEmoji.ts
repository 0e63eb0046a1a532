import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type EmojiData, loadEmojiData } from '../data/emoji/dataset.js'
import { exportCocoCaptions } from '../data/emoji/export.js'
import { countPictures, overviewSheet, type SplitCount } from '../data/emoji/overview.js'
import { EMOJI_SPLITS, type EmojiSplit } from '../data/emoji/splits.js'
import { VENDOR_IDS, type VendorId } from '../data/emoji/vendors.js'
import { registerDataCache } from './dataCache.js'
import { registerDataConvert } from './dataConvert.js'
import { registerDataInspect } from './dataInspect.js'
import { registerDataScenes } from './dataScenes.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption } from './options.js'
import { type ProgressLine, progressLine } from './progress.js'

type Flags = JsonOption & {
  readonly out?: string
  readonly export?: string[]
  readonly vendors?: VendorId[]
  readonly cache?: string
}

export function registerData(program: Command, io: Io): void {
  const data = program.command('data').description('data sets: look into them, convert them, make the embedded ones')
  registerDataScenes(data, io)
  registerDataInspect(data, io)
  registerDataConvert(data, io)
  registerDataCache(data, io)
  const emoji = data
    .command('emoji')
    .description('count the emoji drawings by split and vendor; they are rendered on first use')
    .option('--out <file>', 'write a contact sheet, PNG')
    .option('--export <split directory...>', 'write a split as a COCO-captions folder')
    .addOption(
      new Option('--vendors <id...>', 'only these vendors (default: the ten of the data set)').choices([...VENDOR_IDS]),
    )
    .option('--cache <directory>', 'where renders are kept')
    .action(async (flags: Flags) => {
      const exported = exportOf(emoji, flags)
      const progress = progressLine(io)
      const pictures = await loadEmojiData({
        signal: io.signal,
        onProgress: ({ vendor, done, total }) => progress.report(`rendering ${vendor.id}`, done, total),
        ...(flags.vendors === undefined ? {} : { vendors: flags.vendors }),
        ...(flags.cache === undefined ? {} : { cacheDir: flags.cache }),
      })
      progress.clear()
      if (exported) await exportSplit(io, pictures, exported, progress)
      if (flags.out !== undefined) await writeFile(flags.out, await overviewSheet(pictures))
      const counts = countPictures(pictures)
      if (flags.json) printJson(io, counts)
      else io.out(countTable(counts))
    })
  addJsonOption(emoji)
}

/** `--export SPLIT DIRECTORY`; anything else ends the command as wrong use. */
function exportOf(command: Command, flags: Flags): { split: EmojiSplit; directory: string } | undefined {
  if (flags.export === undefined) return undefined
  const [name, directory, ...others] = flags.export
  const split = EMOJI_SPLITS.find((known) => known === name)
  if (split === undefined)
    return command.error(`error: --export: no split is called '${name}'; expected one of ${EMOJI_SPLITS.join(', ')}`)
  if (directory === undefined || others.length > 0)
    return command.error('error: --export needs a split and a directory: --export val-style out/val-style')
  return { split, directory }
}

async function exportSplit(
  io: Io,
  pictures: EmojiData,
  { split, directory }: { split: EmojiSplit; directory: string },
  progress: ProgressLine,
): Promise<void> {
  await exportCocoCaptions(pictures, split, directory, {
    signal: io.signal,
    onProgress: (done, total) => progress.report('writing', done, total),
  })
  progress.clear()
}

function countTable(counts: readonly SplitCount[]): string {
  return counts
    .map(({ split, pictures, concepts, byVendor }) => {
      const vendors = Object.entries(byVendor).map(([vendor, count]) => `${vendor} ${count}`)
      return `${split.padEnd(20)}${String(pictures).padStart(6)} pictures ${String(concepts).padStart(5)} concepts   ${vendors.join(', ')}\n`
    })
    .join('')
}
