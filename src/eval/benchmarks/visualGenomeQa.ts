import { z } from 'zod'
import { checkEntry, jsonEntries } from '../../data/readers/jsonEntries.js'
import { picturePath } from '../../data/readers/picturePath.js'
import { DataError } from '../../errors.js'
import type { BenchmarkQuestion } from './items.js'

const imageSchema = z.object({
  id: z.int(),
  qas: z.array(z.object({ qa_id: z.int(), question: z.string().min(1), answer: z.string() })),
})

/**
 * Visual Genome's questions (question_answers.json): a list of pictures, each with its questions and one answer to each.
 *
 * @param images The folder of the pictures, ID.jpg.
 * @throws DataError naming the picture that is wrong, or an id used twice.
 */
export async function readVisualGenomeQa(file: string, images: string): Promise<BenchmarkQuestion[]> {
  const questions = new Map<number, BenchmarkQuestion>()
  for await (const { value, place } of jsonEntries(file)) {
    const { id: image, qas } = checkEntry(imageSchema, value, place)
    const path = picturePath(images, `${image}.jpg`, place)
    for (const { qa_id: id, question, answer } of qas) {
      if (questions.has(id)) throw new DataError(`${place}: two questions have the qa_id ${id}`)
      // "What is on the table?" is a question of type "what".
      const [first = ''] = question.toLowerCase().match(/\p{L}+/u) ?? []
      questions.set(id, { id, path, question, answers: [{ answer: answer.trim() }], questionType: first })
    }
  }
  if (questions.size === 0) throw new DataError(`${file}: no question; expected a list of { id, qas }`)
  return [...questions.values()]
}
