import type { Command } from 'commander'
import { retrievalPage } from '../eval/report/pages.js'
import { writeReport } from '../eval/report/writeReport.js'
import { evaluateRetrieval, type NamedPicture, type RetrievalRecalls, type RetrievalReport } from '../eval/retrieval.js'
import { openRetrievalLog } from '../eval/retrievalLog.js'
import { evaluatedModel } from './evaluatedModel.js'
import {
  addIntervalOptions,
  addSetOptions,
  bootstrapOf,
  type IntervalFlags,
  limitOf,
  openSet,
  percent,
  type SetFlags,
} from './evalOptions.js'
import { type Io, printJson } from './io.js'
import { withModel } from './model.js'
import { candidatesOption } from './options.js'
import { progressLine } from './progress.js'

type RetrievalFlags = SetFlags &
  IntervalFlags & {
    readonly k: number
    readonly resume?: string
    readonly report?: string
  }

export function registerEvalRetrieval(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('retrieval')
    .description('how often a right name comes first for a picture, and a right picture for a name')
    .addOption(candidatesOption())
    .option('--resume <file>', 'keep what was found in this file as it comes; the same command goes on from it')
    .option('--report <folder>', 'write a page with the scores and the best and worst named pictures')
    .action((flags: RetrievalFlags) => scoreModel(io, flags))
  addIntervalOptions(addSetOptions(command))
}

async function scoreModel(io: Io, flags: RetrievalFlags): Promise<void> {
  const { k, resume } = flags
  const progress = progressLine(io)
  const set = await openSet(io, flags, progress)
  const named: NamedPicture[] = []
  const openLog = async (path: string) => {
    const of = { data: set.name, ...(await evaluatedModel(flags, io.signal)), k, ...limitOf(flags) }
    return openRetrievalLog(path, of)
  }
  const report = await withModel(io, flags, async (model) => {
    const log = resume === undefined ? undefined : await openLog(resume)
    return evaluateRetrieval(model, set, {
      k,
      ...limitOf(flags),
      ...(log ? { log } : {}),
      bootstrap: bootstrapOf(flags),
      onPicture: (picture) => named.push(picture),
      onProgress: progress.report,
      signal: io.signal,
    })
  })
  progress.clear()
  if (flags.report !== undefined) await writeReport(flags.report, retrievalPage(report, named))
  if (flags.json) printJson(io, report)
  else io.out(retrievalTable(report))
}

function retrievalTable(report: RetrievalReport): string {
  const { data, pictures, names, nameQueries, k, intervals, textRecallAt1ByStyle } = report
  const row = (name: string, values: readonly string[]) => `${name.padEnd(22)}${values.join('  ')}`
  const recalls = (name: string, keys: readonly (keyof RetrievalRecalls)[]) => {
    const { low, high } = intervals[keys[0]!]
    return row(name, [...keys.map((key) => percent(report[key])), `(R@1 ${percent(low)} to ${percent(high)})`])
  }
  const floor = report.nearestNeighbourRecallAt1
  return `${[
    `${data}: ${pictures} pictures, ${names} names (${nameQueries} searched for), the ${k} best by ITC ordered by ITM`,
    `${''.padEnd(22)}R@1     R@5     R@10`,
    recalls('picture to name', ['textRecallAt1', 'textRecallAt5', 'textRecallAt10']),
    recalls('name to picture', ['imageRecallAt1', 'imageRecallAt5', 'imageRecallAt10']),
    recalls('by ITC: to name', ['itcTextRecallAt1']),
    recalls('        to picture', ['itcImageRecallAt1']),
    ...Object.entries(textRecallAt1ByStyle ?? {}).map(([style, recall]) => row(`  ${style}`, [percent(recall)])),
    ...(floor === undefined ? [] : [row('nearest pixels', [percent(floor)])]),
  ].join('\n')}\n`
}
