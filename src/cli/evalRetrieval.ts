import type { Command } from 'commander'
import { evaluateRetrieval, type RetrievalReport } from '../eval/retrieval.js'
import { addSetOptions, limitOf, openSet, percent, type SetFlags } from './evalOptions.js'
import { type Io, printJson } from './io.js'
import { withModel } from './model.js'
import { candidatesOption } from './options.js'
import { progressLine } from './progress.js'

export function registerEvalRetrieval(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('retrieval')
    .description('how often a right name comes first for a picture, and a right picture for a name')
    .addOption(candidatesOption())
    .action(async (flags: SetFlags & { k: number }) => {
      const progress = progressLine(io)
      const set = await openSet(io, flags, progress)
      const report = await withModel(io, flags, (model) =>
        evaluateRetrieval(model, set, {
          k: flags.k,
          ...limitOf(flags),
          onProgress: progress.report,
          signal: io.signal,
        }),
      )
      progress.clear()
      if (flags.json) printJson(io, report)
      else io.out(retrievalTable(report))
    })
  addSetOptions(command)
}

function retrievalTable(report: RetrievalReport): string {
  const { textRecallAt1ByStyle, nearestNeighbourRecallAt1: floor, ...scores } = report
  const { data, pictures, names, nameQueries, k } = scores
  const row = (name: string, values: readonly number[]) => `${name.padEnd(22)}${values.map(percent).join('  ')}`
  return `${[
    `${data}: ${pictures} pictures, ${names} names (${nameQueries} searched for), the ${k} best by ITC ordered by ITM`,
    `${''.padEnd(22)}R@1     R@5     R@10`,
    row('picture to name', [scores.textRecallAt1, scores.textRecallAt5, scores.textRecallAt10]),
    row('name to picture', [scores.imageRecallAt1, scores.imageRecallAt5, scores.imageRecallAt10]),
    row('  by ITC alone', [scores.itcTextRecallAt1, scores.itcImageRecallAt1]),
    ...Object.entries(textRecallAt1ByStyle ?? {}).map(([style, recall]) => row(`  ${style}`, [recall])),
    ...(floor === undefined ? [] : [row('nearest pixels', [floor])]),
  ].join('\n')}\n`
}
