import { DataError } from '../../errors.js'
import { normalizeAnswer, normalizeAnswerFixed, stripPunctuation } from './vqaNormalization.js'

/** One person's answer, with the fields of the VQA annotations. */
export interface VqaAnswer {
  readonly answer: string
  readonly answer_id?: number
  readonly answer_confidence?: string
}

export interface VqaPrediction {
  readonly questionId: number | string
  readonly prediction: string
  /** Usually ten. */
  readonly answers: readonly VqaAnswer[]
  readonly questionType?: string
  readonly answerType?: string
}

/** In percent, rounded to two decimals as the official evaluation prints them. */
export interface VqaScores {
  readonly overall: number
  readonly perQuestionType: Readonly<Record<string, number>>
  readonly perAnswerType: Readonly<Record<string, number>>
  /** In the order of the predictions; 0 to 1, not rounded. */
  readonly accuracies: readonly number[]
}

export interface VqaAccuracyOptions {
  /**
   * Without the slips of the official code: answers are normalised as predictions are, and each is compared with the
   * answers of the others whatever ids they carry. Default false, which gives the official numbers.
   */
  readonly fixed?: boolean
}

/**
 * VQA accuracy (Antol et al. 2015): a prediction is worth min(matches / 3, 1), averaged over the leave-one-out sets of
 * answers.
 *
 * @throws DataError for an empty list, or a question without answers.
 */
export function vqaAccuracy(
  predictions: readonly VqaPrediction[],
  { fixed = false }: VqaAccuracyOptions = {},
): VqaScores {
  if (predictions.length === 0) throw new DataError('there is no prediction to score; expected at least one')
  const accuracies = predictions.map(fixed ? fixedAccuracy : officialAccuracy)
  const by = (group: (prediction: VqaPrediction) => string | undefined) => {
    const groups = new Map<string, number[]>()
    for (const [i, prediction] of predictions.entries()) {
      const name = group(prediction)
      if (name === undefined) continue
      const members = groups.get(name)
      if (members) members.push(accuracies[i]!)
      else groups.set(name, [accuracies[i]!])
    }
    return Object.fromEntries([...groups].map(([name, members]) => [name, percent(members)]))
  }
  return {
    overall: percent(accuracies),
    perQuestionType: by(({ questionType }) => questionType),
    perAnswerType: by(({ answerType }) => answerType),
    accuracies,
  }
}

/**
 * As the official code computes it. Answers lose their punctuation only where they are not all the same, and never their
 * capitals; "the others" are the answers with any field different, so equal answers without ids leave each other out.
 */
function officialAccuracy(prediction: VqaPrediction): number {
  const answers = answersOf(prediction)
  const differ = new Set(answers.map(({ answer }) => answer)).size > 1
  const compared = differ ? answers.map((answer) => ({ ...answer, answer: stripPunctuation(answer.answer) })) : answers
  const wanted = normalizeAnswer(prediction.prediction)
  return leaveOneOut(compared, sameAnswer, wanted)
}

function fixedAccuracy(prediction: VqaPrediction): number {
  const answers = answersOf(prediction).map(({ answer }) => ({ answer: normalizeAnswerFixed(answer) }))
  return leaveOneOut(answers, (a, b) => a === b, normalizeAnswerFixed(prediction.prediction))
}

function answersOf({ questionId, answers }: VqaPrediction): readonly VqaAnswer[] {
  if (answers.length === 0) throw new DataError(`question ${questionId} has no answers to compare with`)
  return answers
}

function leaveOneOut(
  answers: readonly VqaAnswer[],
  same: (a: VqaAnswer, b: VqaAnswer) => boolean,
  wanted: string,
): number {
  const worth = answers.map((left) => {
    const matches = answers.filter((other) => !same(left, other) && other.answer === wanted).length
    return Math.min(1, matches / 3)
  })
  return worth.reduce((sum, value) => sum + value, 0) / worth.length
}

const sameAnswer = (a: VqaAnswer, b: VqaAnswer): boolean =>
  a.answer === b.answer && a.answer_id === b.answer_id && a.answer_confidence === b.answer_confidence

const percent = (accuracies: readonly number[]): number =>
  roundHalfEven((100 * accuracies.reduce((sum, value) => sum + value, 0)) / accuracies.length)

/** To two decimals, exact ties to the even digit as Python's round() has it. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value * 100)
  // Only a multiple of 1/8 can lie exactly between two hundredths.
  if (Number.isInteger(value * 8) && value * 100 - below === 0.5) return (below + (below % 2)) / 100
  return Number(value.toFixed(2))
}
