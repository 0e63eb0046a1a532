import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type CaptionedPicture, type CaptionReport, type CaptionScores, evaluateCaptions } from '../eval/caption.js'
import { type EvaluationSet, openEvaluationSet } from '../eval/evaluationSet.js'
import { evaluateRetrieval, type RetrievalReport } from '../eval/retrieval.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import {
  addGenerationOptions,
  addJsonOption,
  candidatesOption,
  type GenerationFlags,
  generationFlags,
  type JsonOption,
  positiveInteger,
} from './options.js'
import { type ProgressLine, progressLine } from './progress.js'

type SetFlags = ModelFlags & JsonOption & { readonly data: string; readonly limit?: number }

export function registerEvaluate(program: Command, io: Io): void {
  const evaluate = program.command('eval').description('score a model on a set of captioned pictures')
  registerRetrieval(evaluate, io)
  registerCaptions(evaluate, io)
}

function registerRetrieval(evaluate: Command, io: Io): void {
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

function registerCaptions(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('caption')
    .description('how often a caption is a right name of the picture')
    .option('--predictions <file>', 'write each caption beside the right ones, a JSON object a line')
    .action(async (flags: SetFlags & GenerationFlags & { predictions?: string }) => {
      const progress = progressLine(io)
      const set = await openSet(io, flags, progress)
      const predictions: CaptionedPicture[] = []
      const report = await withModel(io, flags, (model) =>
        evaluateCaptions(model, set, {
          ...generationFlags(flags),
          ...limitOf(flags),
          signal: io.signal,
          onPicture: (picture, done, total) => {
            predictions.push(picture)
            progress.report('captioning', done, total)
          },
        }),
      )
      progress.clear()
      if (flags.predictions !== undefined)
        await writeFile(flags.predictions, predictions.map((picture) => `${JSON.stringify(picture)}\n`).join(''))
      if (flags.json) printJson(io, report)
      else io.out(captionTable(report))
    })
  addSetOptions(addGenerationOptions(command))
}

const addSetOptions = (command: Command): Command =>
  addJsonOption(addModelOptions(command))
    .addOption(
      new Option('--data <set>', 'emoji:SPLIT, or a folder with captions.json and images/').makeOptionMandatory(),
    )
    .option('--limit <n>', 'use only so many pictures, spread evenly over the set', positiveInteger)

const limitOf = ({ limit }: SetFlags) => (limit === undefined ? {} : { limit })

async function openSet(io: Io, { data }: SetFlags, progress: ProgressLine): Promise<EvaluationSet> {
  const set = await openEvaluationSet(data, {
    signal: io.signal,
    onProgress: ({ vendor, done, total }) => progress.report(`rendering ${vendor.id}`, done, total),
  })
  progress.clear()
  return set
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`

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

function captionTable({ data, base, skinTone, byStyle, ...all }: CaptionReport): string {
  const row = (name: string, { count, exactMatch, wordF1 }: CaptionScores) =>
    `${name.padEnd(22)}${String(count).padStart(6)}  ${percent(exactMatch).padStart(7)}  ${wordF1.toFixed(3)}`
  return `${[
    `${data.padEnd(23)}count    exact  word F1`,
    row('all', all),
    ...(base ? [row('  without skin tone', base)] : []),
    ...(skinTone ? [row('  with skin tone', skinTone)] : []),
    ...Object.entries(byStyle ?? {}).map(([style, scores]) => row(`  ${style}`, scores)),
  ].join('\n')}\n`
}
