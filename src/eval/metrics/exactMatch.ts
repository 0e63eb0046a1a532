import { type AnswerPrediction, type AnswerScores, answerScores } from './answerScores.js'

/**
 * How often an answer is the right one: GQA's accuracy, where capitals and blanks around an answer do not count.
 *
 * @param normalize What is compared; default lower case without blanks around it.
 * @throws DataError for an empty list, or a question without answers.
 */
export const exactMatch = (
  predictions: readonly AnswerPrediction[],
  normalize: (answer: string) => string = (answer) => answer.trim().toLowerCase(),
): AnswerScores =>
  answerScores(predictions, ({ prediction, answers }) =>
    answers.some(({ answer }) => normalize(answer) === normalize(prediction)) ? 1 : 0,
  )
