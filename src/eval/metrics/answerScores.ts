import { DataError } from '../../errors.js'

/** One person's answer, with the fields of the VQA annotations. */
export interface HumanAnswer {
  readonly answer: string
  readonly answer_id?: number
  readonly answer_confidence?: string
}

/** What a model answered, and what people did. */
export interface AnswerPrediction {
  readonly questionId: number | string
  readonly prediction: string
  /** Ten of VQAv2 and OK-VQA, one of the others. */
  readonly answers: readonly HumanAnswer[]
  readonly questionType?: string
  readonly answerType?: string
}

/** In percent, rounded to two decimals as the official evaluation prints them. */
export interface AnswerScores {
  readonly overall: number
  readonly perQuestionType: Readonly<Record<string, number>>
  readonly perAnswerType: Readonly<Record<string, number>>
  /** In the order of the predictions; 0 to 1, not rounded. */
  readonly accuracies: readonly number[]
}

/** The scores of answers, overall and by type. @throws DataError for an empty list, or a question without answers. */
export function answerScores(
  predictions: readonly AnswerPrediction[],
  accuracyOf: (prediction: AnswerPrediction) => number,
): AnswerScores {
  if (predictions.length === 0) throw new DataError('there is no answer to score; expected at least one')
  const accuracies = predictions.map((prediction) => {
    if (prediction.answers.length === 0)
      throw new DataError(`question ${prediction.questionId} has no answers of people to compare with`)
    return accuracyOf(prediction)
  })
  const by = (type: 'questionType' | 'answerType') => {
    const groups = new Map<string, number[]>()
    for (const [i, { [type]: name }] of predictions.entries()) {
      if (name === undefined) continue
      const members = groups.get(name)
      if (members) members.push(accuracies[i]!)
      else groups.set(name, [accuracies[i]!])
    }
    return Object.fromEntries([...groups].map(([name, members]) => [name, percent(members)]))
  }
  return {
    overall: percent(accuracies),
    perQuestionType: by('questionType'),
    perAnswerType: by('answerType'),
    accuracies,
  }
}

const percent = (accuracies: readonly number[]): number =>
  roundHalfEven((100 * accuracies.reduce((sum, value) => sum + value, 0)) / accuracies.length)

/** To two decimals, exact ties to the even digit as Python's round() has it. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value * 100)
  // Only a multiple of 1/8 can lie exactly between two hundredths.
  if (Number.isInteger(value * 8) && value * 100 - below === 0.5) return (below + (below % 2)) / 100
  return Number(value.toFixed(2))
}
