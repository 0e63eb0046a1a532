import { ConfigError } from '../errors.js'
import type { AskOptions } from '../tasks/answerer.js'
import type { Blip2 } from '../tasks/blip2.js'
import { type AnswersReport, answersReport } from './answersReport.js'
import type { QUESTION_BENCHMARKS } from './benchmarks/benchmarks.js'
import type { BenchmarkQuestion } from './benchmarks/items.js'
import type { BootstrapOptions } from './bootstrap.js'
import { spread } from './evaluationSet.js'
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
  readonly onProgress?: (done: number, total: number) => void
}

export type QuestionBenchmark = (typeof QUESTION_BENCHMARKS)[number]

/** Questions between two reports of progress. */
const CHUNK = 64

/** Answers the questions of a benchmark in the language model's template. */
export async function answerQuestions(
  model: Blip2,
  questions: readonly BenchmarkQuestion[],
  { limit = Number.POSITIVE_INFINITY, onProgress, ...options }: AnswerQuestionsOptions = {},
): Promise<AnsweredQuestion[]> {
  const asked = spread(questions, limit)
  const answered: AnsweredQuestion[] = []
  for (let start = 0; start < asked.length; start += CHUNK) {
    const part = asked.slice(start, start + CHUNK)
    const answers = await model.ask(
      part.map(({ path }) => path),
      part.map(({ question }) => question),
      options,
    )
    for (const [i, { text }] of answers.entries()) answered.push({ ...part[i]!, prediction: text })
    onProgress?.(answered.length, asked.length)
  }
  return answered
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

/**
 * Scores answers by the benchmark's own rule.
 *
 * @param options `fixed` as in `vqaAccuracy`.
 * @throws ConfigError where the answers of people are secret.
 */
export function scoreAnswers(
  benchmark: QuestionBenchmark,
  answered: readonly AnsweredQuestion[],
  { fixed = false, ...bootstrap }: BootstrapOptions & { readonly fixed?: boolean } = {},
): AnswersReport {
  const predictions = answered.map(({ id, path, answers, ...rest }) => {
    if (answers === undefined)
      throw new ConfigError(`${benchmark}: question ${id} has no answers to compare with; write a submission instead`)
    return { ...rest, questionId: id, answers, image: path }
  })
  return answersReport(predictions, SCORES[benchmark](predictions, fixed), bootstrap)
}
