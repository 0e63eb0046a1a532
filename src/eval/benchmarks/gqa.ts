import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { checkEntry } from '../../data/readers/jsonEntries.js'
import { picturePath } from '../../data/readers/picturePath.js'
import { DataError } from '../../errors.js'
import type { BenchmarkQuestion } from './items.js'

const questionSchema = z.object({
  imageId: z.string().min(1),
  question: z.string().min(1),
  // The test splits keep it secret.
  answer: z.string().optional(),
  types: z.object({ structural: z.string(), semantic: z.string() }).optional(),
})

/**
 * GQA (testdev_balanced_questions.json): an object of questions by id, each with one answer. The structural type (verify,
 * query, choose, logical, compare) is the question's type, the semantic one the answer's.
 *
 * @param images The folder of the pictures, IMAGEID.jpg.
 * @throws DataError naming the question that is wrong.
 */
export async function readGqa(file: string, images: string): Promise<BenchmarkQuestion[]> {
  const entries = Object.entries(await readObject(file))
  if (entries.length === 0) throw new DataError(`${file}: no question; expected an object of questions by id`)
  return entries.map(([id, value]) => {
    const place = `${file}: ${id}`
    const { imageId, question, answer, types } = checkEntry(questionSchema, value, place)
    return {
      id,
      path: picturePath(images, `${imageId}.jpg`, place),
      question,
      ...(answer === undefined ? {} : { answers: [{ answer }] }),
      ...(types === undefined ? {} : { questionType: types.structural, answerType: types.semantic }),
    }
  })
}

async function readObject(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot read ${file}: ${cause.code ?? cause.message}`, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
  return checkEntry(z.record(z.string(), z.unknown()), json, file)
}
