import { ConfigError } from '../errors.js'
import type { AskOptions } from '../tasks/answerer.js'
import type { Blip2 } from '../tasks/blip2.js'
import { type AnswersReport, answersReport } from './answersReport.js'
import type { QUESTION_BENCHMARKS } from './benchmarks/benchmarks.js'
import type { BenchmarkQuestion } from './benchmarks/items.js'
import type { BootstrapOptions } from './bootstrap.js'
import { spread } from './evaluationSet.js'
import type { PredictionLog } from './predictionLog.js'
import { type AnsweredByPeople, questionOnlyAnswers } from './questionOnly.js'
import type { AnswerPrediction, AnswerScores } from './metrics/answerScores.js'
import { exactMatch } from './metrics/exactMatch.js'
import { vqaAccuracy } from './metrics/vqaAccuracy.js'
import { normalizeAnswerFixed } from './metrics/vqaNormalization.js'

export interface AnsweredQuestion extends BenchmarkQuestion {
  readonly prediction: string
}

export interface AnswerQuestionsOptions extends AskOptions {
  /** Questions used, spread evenly over the benchmark; default all. */
  readonly limit?: number
  /** Answers of an earlier run, by question id, which are not asked again; new ones are added to it. */
  readonly log?: PredictionLog
  readonly onProgress?: (done: number, total: number) => void
}

export type QuestionBenchmark = (typeof QUESTION_BENCHMARKS)[number]

/** Questions between two reports of progress. */
const CHUNK = 64

/** Answers the questions of a benchmark in the language model's template. */
export async function answerQuestions(
  model: Blip2,
  questions: readonly BenchmarkQuestion[],
  { limit = Number.POSITIVE_INFINITY, log, onProgress, ...options }: AnswerQuestionsOptions = {},
): Promise<AnsweredQuestion[]> {
  const asked = spread(questions, limit)
  const predictions = new Map(log?.known)
  const left = asked.filter(({ id }) => !predictions.has(id))
  for (let start = 0; start < left.length; start += CHUNK) {
    const part = left.slice(start, start + CHUNK)
    const answers = await model.ask(
      part.map(({ image, path }) => image ?? path),
      part.map(({ question }) => question),
      options,
    )
    const fresh = answers.map(({ text }, i) => ({ id: part[i]!.id, prediction: text }))
    for (const { id, prediction } of fresh) predictions.set(id, prediction)
    await log?.append(fresh)
    onProgress?.(asked.length - left.length + start + part.length, asked.length)
  }
  return asked.map((question) => ({ ...question, prediction: predictions.get(question.id)! }))
}

/** How each benchmark compares answers. Visual Genome has no rule of its own; its answers are sentences: "Green." */
const SCORES: Readonly<
  Record<QuestionBenchmark, (answers: readonly AnswerPrediction[], fixed: boolean) => AnswerScores>
> = {
  vqav2: (answers, fixed) => vqaAccuracy(answers, { fixed }),
  'ok-vqa': (answers, fixed) => vqaAccuracy(answers, { fixed }),
  gqa: (answers) => exactMatch(answers),
  'visual-genome-qa': (answers) => exactMatch(answers, normalizeAnswerFixed),
}

export interface ScoreAnswersOptions extends BootstrapOptions {
  /** As in `vqaAccuracy`. */
  readonly fixed?: boolean
  /** What the baseline that sees no picture learns from (default: the other questions themselves). */
  readonly known?: readonly AnsweredByPeople[]
}

/**
 * Scores answers by the benchmark's own rule, and those of a guesser who sees no picture beside them.
 *
 * @throws ConfigError where the answers of people are secret.
 */
export function scoreAnswers(
  benchmark: QuestionBenchmark,
  answered: readonly AnsweredQuestion[],
  { fixed = false, known, ...bootstrap }: ScoreAnswersOptions = {},
): AnswersReport {
  const predictions = answered.map(({ id, path, image = path, answers, ...rest }) => {
    if (answers === undefined)
      throw new ConfigError(`${benchmark}: question ${id} has no answers to compare with; write a submission instead`)
    return { ...rest, questionId: id, answers, image }
  })
  const guesses = questionOnlyAnswers(predictions, known)
  const guessed = predictions.map((prediction, i) => ({ ...prediction, prediction: guesses[i]! }))
  return {
    ...answersReport(predictions, SCORES[benchmark](predictions, fixed), bootstrap),
    questionOnly: SCORES[benchmark](guessed, fixed).overall,
  }
}
