import { type AnswerPrediction, type AnswerScores, answerScores, type HumanAnswer } from './answerScores.js'
import { normalizeAnswer, normalizeAnswerFixed, stripPunctuation } from './vqaNormalization.js'

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
  predictions: readonly AnswerPrediction[],
  { fixed = false }: VqaAccuracyOptions = {},
): AnswerScores {
  return answerScores(predictions, fixed ? fixedAccuracy : officialAccuracy)
}

/**
 * As the official code computes it. Answers lose their punctuation only where they are not all the same, and never their
 * capitals; "the others" are the answers with any field different, so equal answers without ids leave each other out.
 */
function officialAccuracy({ prediction, answers }: AnswerPrediction): number {
  const differ = new Set(answers.map(({ answer }) => answer)).size > 1
  const compared = differ ? answers.map((answer) => ({ ...answer, answer: stripPunctuation(answer.answer) })) : answers
  const wanted = normalizeAnswer(prediction)
  return leaveOneOut(compared, sameAnswer, wanted)
}

function fixedAccuracy({ prediction, answers }: AnswerPrediction): number {
  const compared = answers.map(({ answer }) => ({ answer: normalizeAnswerFixed(answer) }))
  return leaveOneOut(compared, (a, b) => a === b, normalizeAnswerFixed(prediction))
}

function leaveOneOut(
  answers: readonly HumanAnswer[],
  same: (a: HumanAnswer, b: HumanAnswer) => boolean,
  wanted: string,
): number {
  const worth = answers.map((left) => {
    const matches = answers.filter((other) => !same(left, other) && other.answer === wanted).length
    return Math.min(1, matches / 3)
  })
  return worth.reduce((sum, value) => sum + value, 0) / worth.length
}

const sameAnswer = (a: HumanAnswer, b: HumanAnswer): boolean =>
  a.answer === b.answer && a.answer_id === b.answer_id && a.answer_confidence === b.answer_confidence
