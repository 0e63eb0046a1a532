import { z } from 'zod'
import { checkEntry, jsonEntries } from '../../data/readers/jsonEntries.js'
import { DataError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'

const captionSchema = z.object({ image_id: z.union([z.int(), z.string()]), caption: z.string() })
const answerSchema = z.object({ question_id: z.union([z.int(), z.string()]), answer: z.string() })

/** An entry of COCO's results format, which NoCaps takes as well. */
export type CaptionResult = z.infer<typeof captionSchema>
/** An entry of the VQA results format. */
export type AnswerResult = z.infer<typeof answerSchema>

/** Captions by picture, from a list of { image_id, caption }. @throws DataError naming the entry that is wrong. */
export async function readCaptionResults(file: string): Promise<Map<number | string, string>> {
  const captions = new Map<number | string, string>()
  for await (const { value, place } of topLevel(file, '{ image_id, caption }')) {
    const { image_id, caption } = checkEntry(captionSchema, value, place)
    if (captions.has(image_id))
      throw new DataError(`${place}: a second caption of image ${image_id}; expected one each`)
    captions.set(image_id, caption)
  }
  return captions
}

/** Answers by question, from a list of { question_id, answer }. @throws DataError naming the entry that is wrong. */
export async function readAnswerResults(file: string): Promise<Map<number | string, string>> {
  const answers = new Map<number | string, string>()
  for await (const { value, place } of topLevel(file, '{ question_id, answer }')) {
    const { question_id, answer } = checkEntry(answerSchema, value, place)
    if (answers.has(question_id))
      throw new DataError(`${place}: a second answer to question ${question_id}; expected one each`)
    answers.set(question_id, answer)
  }
  return answers
}

/** Writes COCO's results format, whole or not at all. @throws DataError where a picture comes twice. */
export async function writeCaptionResults(file: string, results: readonly CaptionResult[]): Promise<void> {
  refuseTwice(
    results.map(({ image_id }) => image_id),
    'image',
  )
  await replaceFile(file, JSON.stringify(results.map(({ image_id, caption }) => ({ image_id, caption }))))
}

/** Writes the VQA results format, whole or not at all. @throws DataError where a question comes twice. */
export async function writeAnswerResults(file: string, results: readonly AnswerResult[]): Promise<void> {
  refuseTwice(
    results.map(({ question_id }) => question_id),
    'question',
  )
  await replaceFile(file, JSON.stringify(results.map(({ question_id, answer }) => ({ question_id, answer }))))
}

/** Writes GQA's form of the same, a list of { questionId, prediction }. @throws DataError where a question comes twice. */
export async function writeGqaResults(file: string, results: readonly AnswerResult[]): Promise<void> {
  refuseTwice(
    results.map(({ question_id }) => question_id),
    'question',
  )
  await replaceFile(
    file,
    JSON.stringify(results.map(({ question_id, answer }) => ({ questionId: question_id, prediction: answer }))),
  )
}

async function* topLevel(file: string, form: string) {
  let count = 0
  for await (const entry of jsonEntries(file)) {
    if (entry.array !== '') throw new DataError(`${entry.place}: expected the file to be a list of ${form}`)
    count++
    yield entry
  }
  if (count === 0) throw new DataError(`${file} is empty; expected a list of ${form}`)
}

function refuseTwice(ids: readonly (number | string)[], what: string): void {
  const seen = new Set<number | string>()
  for (const id of ids) {
    if (seen.has(id)) throw new DataError(`${what} ${id} has two results; the evaluation servers take one each`)
    seen.add(id)
  }
}
