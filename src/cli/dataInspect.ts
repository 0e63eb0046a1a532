import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { type DataReport, inspectData, type SourceReport } from '../data/inspect/inspectData.js'
import type { Spread } from '../data/inspect/tally.js'
import { openDataInput } from './dataInput.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption, positiveInteger, wholeNumber } from './options.js'
import { progressLine } from './progress.js'

type Flags = JsonOption & {
  readonly sheet?: string
  readonly limit?: number
  readonly reasons: number
  readonly seed: number
  readonly cache?: string
}

/** `blip2 data inspect`: what is in a data set, and what is wrong with it. */
export function registerDataInspect(data: Command, io: Io): void {
  const command = data
    .command('inspect')
    .description('read a data set once through: counts, captions, broken samples with reasons, duplicates')
    .argument('<spec>', "'emoji', 'emoji:SPLIT', a folder with captions, tar shards, or a mixture (.json)")
    .option('--sheet <file>', 'write a contact sheet of 48 pictures drawn at random, PNG')
    .option('--limit <n>', 'only the first samples', positiveInteger)
    .option('--reasons <n>', 'broken samples and duplicates that are listed; all are counted', wholeNumber, 20)
    .option('--seed <n>', 'seed of the contact sheet', wholeNumber, 0)
    .option('--cache <dir>', 'where renders of the drawings are kept')
    .action(async (spec: string, { sheet, limit, reasons, seed, cache, json }: Flags) => {
      if (sheet !== undefined) await mkdir(dirname(sheet), { recursive: true })
      const wrong: { source: string; reason: string }[] = []
      const input = await openDataInput(io, spec, {
        cache,
        maxBrokenShare: 1,
        onLoss: (source, error) => wrong.push({ source, reason: error.message }),
      })
      const progress = progressLine(io)
      const report = await inspectData(input.read(undefined, limit), {
        seed,
        reasons,
        signal: io.signal,
        onProgress: (pictures, fraction) =>
          progress.report(`${pictures} pictures, parts of 1000`, Math.round(fraction * 1000), 1000),
      })
      progress.clear()
      if (sheet !== undefined && report.sheet) await writeFile(sheet, report.sheet)
      const { sheet: _, ...figures } = report
      if (json) printJson(io, { ...figures, wrongEntries: wrong.length, wrong: wrong.slice(0, reasons) })
      else io.out(`${describe(report, reasons)}${describeWrong(wrong, reasons)}`)
    })
  addJsonOption(command)
}

function describe({ sources, sameContent, sameLook }: DataReport, most: number): string {
  return [
    ...sources.map(describeSource),
    ...describeGroups('files that come twice', sameContent, most),
    ...describeGroups('pictures that look the same', sameLook, most),
  ].join('')
}

function describeSource(report: SourceReport): string {
  const { source, samples, brokenSamples, brokenShards, broken, bytes, distinctCaptions } = report
  const rows = [
    [
      'samples',
      `${samples}, ${brokenSamples} broken${brokenShards > 0 ? `; ${counted(brokenShards, 'broken shard')}` : ''}`,
    ],
    ['picture files', `${(bytes / 2 ** 20).toFixed(1)} MiB`],
    ['shorter side', describeSpread(report.shorterSide, ' pixels')],
    ['captions', `${report.captionWords?.count ?? 0}, ${distinctCaptions} different`],
    ['captions of a picture', describeSpread(report.captionsPerPicture, '')],
    ['caption length', describeSpread(report.captionWords, ' words')],
    ...broken.map(({ key, reason }) => ['broken', `${key}: ${reason}`]),
  ]
  return `${source}\n${rows.map(([name, value]) => `  ${name!.padEnd(22)}${value}\n`).join('')}`
}

const describeSpread = (spread: Spread | undefined, unit: string): string =>
  spread ? `${spread.min} to ${spread.max}${unit}, median ${spread.median}, mean ${spread.mean.toFixed(1)}` : 'none'

function describeGroups(what: string, groups: readonly (readonly string[])[], most: number): string[] {
  const pictures = groups.reduce((sum, group) => sum + group.length, 0)
  const listed = groups.slice(0, most).map((group) => `  ${group.join(' = ')}\n`)
  return [
    `${what}: ${groups.length === 0 ? 'none' : `${pictures}, in ${counted(groups.length, 'group')}`}\n`,
    ...listed,
  ]
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function describeWrong(wrong: readonly { source: string; reason: string }[], most: number): string {
  if (wrong.length === 0) return ''
  const listed = wrong.slice(0, most).map(({ source, reason }) => `  ${source}: ${reason}\n`)
  return `wrong entries: ${wrong.length}\n${listed.join('')}`
}
