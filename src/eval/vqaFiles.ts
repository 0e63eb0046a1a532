import { DataError } from '../errors.js'
import { type AnswersReport, answersReport } from './answersReport.js'
import { readAnswerResults } from './benchmarks/submissions.js'
import { readVqa, readVqaAnnotations, type VqaSplit } from './benchmarks/vqa.js'
import type { BootstrapOptions } from './bootstrap.js'
import { vqaAccuracy } from './metrics/vqaAccuracy.js'
import { questionOnlyAnswers } from './questionOnly.js'

export interface VqaFilesOptions extends BootstrapOptions {
  /** Annotations in the VQA format. */
  readonly annotations: string
  /** Answers to score in the VQA results format: a list of { question_id, answer }. */
  readonly hypotheses: string
  /** See `vqaAccuracy`. */
  readonly fixed?: boolean
  /** Score the questions that have a result; by default every question must. */
  readonly partial?: boolean
  /** To show the examples: the file of questions, and the folder and split of their pictures. */
  readonly questions?: string
  readonly images?: string
  readonly split?: VqaSplit
}

/**
 * Scores a file of answers as the official VQA evaluation does.
 *
 * @throws DataError for a wrong entry, an answer to no question, or a question without an answer unless `partial`.
 */
export async function evaluateVqaFiles(options: VqaFilesOptions): Promise<AnswersReport> {
  const { annotations, hypotheses, fixed = false, partial = false, ...rest } = options
  const { questions, images, split = 'val2014', ...bootstrap } = rest
  const known = await readVqaAnnotations(annotations)
  const answers = await readAnswerResults(hypotheses)
  for (const id of answers.keys())
    if (!known.has(id))
      throw new DataError(`${hypotheses}: question ${JSON.stringify(id)} has no annotation in ${annotations}`)
  const found = [...known].filter(([id]) => answers.has(id))
  if (found.length < known.size && !partial)
    throw new DataError(
      `${hypotheses} answers ${found.length} of ${known.size} questions; score what there is with --partial`,
    )
  const texts = questions === undefined ? [] : await readVqa(questions, undefined, images ?? '', split)
  const textOf = new Map(texts.map(({ id, question, path }) => [id, { question, path }]))
  const predictions = found.map(([id, annotation]) => {
    const text = textOf.get(id)
    return {
      questionId: id,
      prediction: answers.get(id)!,
      ...annotation,
      ...(text ? { question: text.question } : {}),
      ...(text && images !== undefined ? { image: text.path } : {}),
    }
  })
  const report = answersReport(predictions, vqaAccuracy(predictions, { fixed }), bootstrap)
  if (questions === undefined) return report
  const asked = predictions.map((prediction) => ({
    ...prediction,
    question: textOf.get(prediction.questionId)?.question ?? '',
  }))
  const guesses = questionOnlyAnswers(asked)
  const guessed = asked.map((prediction, i) => ({ ...prediction, prediction: guesses[i]! }))
  return { ...report, questionOnly: vqaAccuracy(guessed, { fixed }).overall }
}
