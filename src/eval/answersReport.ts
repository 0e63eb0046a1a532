import type { ImageSource } from '../image/decode.js'
import { type BootstrapOptions, bootstrapMean, type Interval } from './bootstrap.js'
import type { AnswerPrediction, AnswerScores } from './metrics/answerScores.js'

/** An answer with what is needed to show it. */
export interface ShownAnswer extends AnswerPrediction {
  readonly question?: string
  readonly image?: ImageSource
}

export interface ScoredAnswer extends ShownAnswer {
  /** 0 to 1. */
  readonly accuracy: number
}

/** Scores of answers, in percent. */
export interface AnswersReport extends Omit<AnswerScores, 'accuracies'> {
  readonly count: number
  /** Of the overall accuracy: 95 %, or the level asked for. */
  readonly interval: Interval
  /** Of a guesser who sees the questions and no picture; absent where the questions' texts are not known. */
  readonly questionOnly?: number
  readonly answers: readonly ScoredAnswer[]
}

/** Puts answers and their scores together, and adds the interval. */
export function answersReport(
  answers: readonly ShownAnswer[],
  { accuracies, ...scores }: AnswerScores,
  bootstrap: BootstrapOptions,
): AnswersReport {
  const { low, high } = bootstrapMean(accuracies, bootstrap)
  return {
    count: answers.length,
    ...scores,
    interval: { low: 100 * low, high: 100 * high },
    answers: answers.map((answer, i) => ({ ...answer, accuracy: accuracies[i]! })),
  }
}
