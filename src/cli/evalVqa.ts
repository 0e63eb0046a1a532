import { type Command, Option } from 'commander'
import { ConfigError } from '../errors.js'
import { openBenchmark, QUESTION_BENCHMARKS } from '../eval/benchmarks/benchmarks.js'
import type { BenchmarkQuestion } from '../eval/benchmarks/items.js'
import { writeAnswerResults, writeGqaResults } from '../eval/benchmarks/submissions.js'
import { VQA_SPLITS, type VqaSplit } from '../eval/benchmarks/vqa.js'
import { type AnsweredQuestion, answerQuestions, type QuestionBenchmark, scoreAnswers } from '../eval/questions.js'
import { PredictionLog } from '../eval/predictionLog.js'
import { openQuestionSet, type QuestionSet } from '../eval/questionSet.js'
import { answersPage } from '../eval/report/pages.js'
import { writeReport } from '../eval/report/writeReport.js'
import type { AnswersReport } from '../eval/answersReport.js'
import { evaluateVqaFiles } from '../eval/vqaFiles.js'
import { addIntervalOptions, bootstrapOf, type IntervalFlags, scoreLine } from './evalOptions.js'
import { evaluatedModel } from './evaluatedModel.js'
import { type Io, printJson } from './io.js'
import { addModelOptions, type ModelFlags, withModel } from './model.js'
import {
  addGenerationOptions,
  addJsonOption,
  type GenerationFlags,
  generationFlags,
  type JsonOption,
  positiveInteger,
} from './options.js'
import { type ProgressLine, progressLine } from './progress.js'

type VqaFlags = ModelFlags &
  GenerationFlags &
  JsonOption &
  IntervalFlags & {
    readonly benchmark?: QuestionBenchmark
    readonly data?: string
    readonly predictions?: string
    readonly resume?: true
    readonly hypotheses?: string
    readonly annotations?: string
    readonly questions?: string
    readonly images?: string
    readonly split: VqaSplit
    readonly fixed?: true
    readonly partial?: true
    readonly limit?: number
    readonly template?: string
    readonly results?: string
    readonly report?: string
  }

export function registerEvalVqa(evaluate: Command, io: Io): void {
  const command = evaluate
    .command('vqa')
    .description(
      "how good answers are: those of a model to a benchmark's questions, or those in a file, without a model",
    )
    .addOption(new Option('--benchmark <name>', 'the questions a model answers').choices(QUESTION_BENCHMARKS))
    .option(
      '--data <set>',
      'scenes:SPLIT, or a folder with questions.json, annotations.json, captions.json and images/; scored as VQA v2',
    )
    .option('--hypotheses <file>', 'answers to score in the VQA results format; no model is run')
    .option('--annotations <file>', 'the answers of people; of GQA and Visual Genome the file of questions')
    .option('--questions <file>', 'the questions of VQAv2 and OK-VQA')
    .option('--images <folder>', 'the pictures; of VQAv2 and OK-VQA the folder that holds val2014/')
    .addOption(new Option('--split <name>', 'of VQAv2 and OK-VQA').choices(VQA_SPLITS).default('val2014'))
    .option('--limit <n>', 'answer only so many questions, spread evenly', positiveInteger)
    .option('--template <text>', "a prompt with {} where the question goes, instead of the language model's own")
    .option('--fixed', 'without the slips of the official normalisation; the numbers are not comparable with papers')
    .option('--partial', 'with --hypotheses: score the questions that have one, not all of the annotations')
    .option('--predictions <file>', 'write each answer as it comes, a JSON object a line')
    .option('--resume', 'go on from the answers in --predictions')
    .option('--results <file>', 'write the answers in the results format of the benchmark, for a submission')
    .option('--report <folder>', 'write a page with the scores by type and the best and worst answers')
    .action(async (flags: VqaFlags) => {
      const { benchmark, hypotheses, data, predictions, resume } = flags
      if ([benchmark, hypotheses, data].filter((given) => given !== undefined).length !== 1)
        throw new ConfigError(
          'expected either --benchmark or --data, to run a model, or --hypotheses, a file of answers',
        )
      if (resume && predictions === undefined)
        throw new ConfigError('--resume needs --predictions, the file that the earlier run wrote its answers to')
      if (hypotheses !== undefined) return print(io, flags, hypotheses, await scoreFile(flags, hypotheses))
      await scoreModel(io, flags, data ?? benchmark!)
    })
  addIntervalOptions(addGenerationOptions(addJsonOption(addModelOptions(command))))
}

async function scoreModel(io: Io, flags: VqaFlags, name: string): Promise<void> {
  const benchmark = flags.benchmark ?? 'vqav2'
  const progress = progressLine(io)
  const { questions, known } = await (flags.data === undefined
    ? openBenchmarkQuestions(flags, benchmark)
    : openQuestionSet(flags.data, {
        signal: io.signal,
        onProgress: ({ vendor, done, total }) => progress.report(`rendering ${vendor.id}`, done, total),
      }))
  const answered = await answer(io, flags, name, questions, progress)
  progress.clear()
  if (flags.results !== undefined)
    await (benchmark === 'gqa' ? writeGqaResults : writeAnswerResults)(
      flags.results,
      answered.map(({ id, prediction }) => ({ question_id: id, answer: prediction })),
    )
  // The answers of a test split are secret: the submission is all there is.
  const secret = answered.every(({ answers }) => answers === undefined)
  if (secret && flags.results !== undefined) return
  await print(io, flags, name, scoreAnswers(benchmark, answered, { ...scoring(flags), ...(known ? { known } : {}) }))
}

const scoring = (flags: VqaFlags) => ({ fixed: flags.fixed === true, ...bootstrapOf(flags) })

function scoreFile(flags: VqaFlags, hypotheses: string): Promise<AnswersReport> {
  const { annotations, questions, images, split } = flags
  if (annotations === undefined) throw new ConfigError('--hypotheses needs --annotations, the answers of people')
  return evaluateVqaFiles({
    annotations,
    hypotheses,
    split,
    partial: flags.partial === true,
    ...(questions === undefined ? {} : { questions }),
    ...(images === undefined ? {} : { images }),
    ...scoring(flags),
  })
}

async function openBenchmarkQuestions(flags: VqaFlags, name: QuestionBenchmark): Promise<Omit<QuestionSet, 'name'>> {
  const { annotations, questions, images, split } = flags
  if (images === undefined) throw new ConfigError(`--benchmark ${name} needs --images, the folder of its pictures`)
  const benchmark = await openBenchmark(name, {
    images,
    split,
    ...(annotations === undefined ? {} : { annotations }),
    ...(questions === undefined ? {} : { questions }),
  })
  if (benchmark.task !== 'vqa') throw new ConfigError(`${name} has no questions`)
  return { questions: benchmark.questions }
}

async function answer(
  io: Io,
  flags: VqaFlags,
  data: string,
  questions: readonly BenchmarkQuestion[],
  progress: ProgressLine,
): Promise<AnsweredQuestion[]> {
  const { limit, template, predictions, resume } = flags
  const settings = { ...generationFlags(flags), ...(template === undefined ? {} : { template }) }
  const openLog = async (path: string) => {
    const of = { data, ...(await evaluatedModel(flags, io.signal)), ...settings }
    return PredictionLog.open(path, of, resume === true)
  }
  return withModel(io, flags, async (model) => {
    const log = predictions === undefined ? undefined : await openLog(predictions)
    return answerQuestions(model, questions, {
      ...settings,
      ...(limit === undefined ? {} : { limit }),
      ...(log ? { log } : {}),
      signal: io.signal,
      onProgress: (done, total) => progress.report('answering', done, total),
    })
  })
}

async function print(io: Io, flags: VqaFlags, data: string, report: AnswersReport): Promise<void> {
  if (flags.report !== undefined) await writeReport(flags.report, answersPage(`Answers: ${data}`, report))
  const { answers, ...scores } = report
  const { overall, questionOnly } = scores
  const parts = {
    accuracy: overall / 100,
    ...(questionOnly === undefined ? {} : { questionOnlyAccuracy: questionOnly / 100 }),
  }
  if (flags.json) printJson(io, { data, ...parts, ...scores })
  else io.out(`${data}: ${answers.length} questions, percent, 95 % interval\n${vqaTable(report)}`)
}

function vqaTable({ overall, interval, questionOnly, perAnswerType, perQuestionType }: AnswersReport): string {
  const part = (value: number) => value / 100
  return [
    scoreLine('accuracy', part(overall), { low: part(interval.low), high: part(interval.high) }),
    ...(questionOnly === undefined ? [] : [scoreLine('question only', part(questionOnly), undefined)]),
    ...Object.entries({ ...perAnswerType, ...perQuestionType }).map(([type, value]) =>
      scoreLine(`  ${type}`, part(value), undefined),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
