import { type Command, Option } from 'commander'
import { VQA_SPLITS, type VqaSplit } from '../eval/benchmarks/vqa.js'
import { vqaPage } from '../eval/report/pages.js'
import { writeReport } from '../eval/report/writeReport.js'
import { evaluateVqaFiles, type VqaFilesReport } from '../eval/vqaFiles.js'
import { addIntervalOptions, bootstrapOf, type IntervalFlags, scoreLine } from './evalOptions.js'
import { type Io, printJson } from './io.js'
import { addJsonOption, type JsonOption } from './options.js'

type VqaFlags = JsonOption &
  IntervalFlags & {
    readonly annotations: string
    readonly results: string
    readonly fixed?: true
    readonly partial?: true
    readonly questions?: string
    readonly images?: string
    readonly split: VqaSplit
    readonly report?: string
  }

export function registerEvalVqa(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('vqa')
    .description('the official VQA accuracy of a file of answers (VQAv2, OK-VQA)')
    .requiredOption('--annotations <file>', 'the answers of people in the VQA format')
    .requiredOption('--results <file>', 'the answers to score: a list of { question_id, answer }')
    .option('--fixed', 'without the slips of the official normalisation; the numbers are not comparable with papers')
    .option('--partial', 'score the questions that have a result, not all of the annotations')
    .option('--questions <file>', 'the questions, for the report')
    .option('--images <folder>', 'the pictures (the folder of val2014/), for the report')
    .addOption(new Option('--split <name>', 'of the pictures').choices(VQA_SPLITS).default('val2014'))
    .option('--report <folder>', 'write a page with the scores by type and the best and worst answers')
    .action(async (flags: VqaFlags) => {
      const { annotations, results, split, questions, images } = flags
      const report = await evaluateVqaFiles({
        annotations,
        results,
        split,
        fixed: flags.fixed === true,
        partial: flags.partial === true,
        ...(questions === undefined ? {} : { questions }),
        ...(images === undefined ? {} : { images }),
        ...bootstrapOf(flags),
      })
      if (flags.report !== undefined) await writeReport(flags.report, vqaPage(`Answers: ${results}`, report))
      const { answers, ...scores } = report
      if (flags.json) printJson(io, { annotations, results, ...scores })
      else io.out(`${answers.length} questions, percent, 95 % interval\n${vqaTable(report)}`)
    })
  addIntervalOptions(addJsonOption(command))
}

function vqaTable({ overall, interval, perAnswerType, perQuestionType }: VqaFilesReport): string {
  const part = (value: number) => value / 100
  return [
    scoreLine('accuracy', part(overall), { low: part(interval.low), high: part(interval.high) }),
    ...Object.entries({ ...perAnswerType, ...perQuestionType }).map(([type, value]) =>
      scoreLine(`  ${type}`, part(value), undefined),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
