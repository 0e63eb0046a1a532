import { z } from 'zod'
import { checkEntry, jsonEntries } from '../../data/readers/jsonEntries.js'
import { picturePath } from '../../data/readers/picturePath.js'
import { DataError } from '../../errors.js'
import type { HumanAnswer } from '../metrics/answerScores.js'
import type { BenchmarkQuestion } from './items.js'

/** Which COCO pictures a file of questions is about: its `data_subtype`. */
export const VQA_SPLITS = ['train2014', 'val2014', 'test2015'] as const
export type VqaSplit = (typeof VQA_SPLITS)[number]

const questionSchema = z.object({ question_id: z.int(), image_id: z.int(), question: z.string().min(1) })
const annotationSchema = z.object({
  question_id: z.int(),
  question_type: z.string().optional(),
  answer_type: z.string().optional(),
  answers: z
    .array(z.object({ answer: z.string(), answer_id: z.int().optional(), answer_confidence: z.string().optional() }))
    .min(1),
})

/** What people answered to a question of the VQA format. */
export interface VqaAnnotation {
  readonly answers: readonly HumanAnswer[]
  readonly questionType?: string
  readonly answerType?: string
}

/**
 * VQAv2 and OK-VQA (v2_OpenEnded_mscoco_val2014_questions.json and v2_mscoco_val2014_annotations.json; OK-VQA's files
 * have the same form). Without annotations the questions have no answers, as those of the test splits.
 *
 * @param images The folder that holds val2014/ and so on, with COCO's file names.
 * @throws DataError naming the entry that is wrong, or a question without an annotation.
 */
export const readVqa = (
  questions: string,
  annotations: string | undefined,
  images: string,
  split: VqaSplit,
): Promise<BenchmarkQuestion[]> =>
  readVqaQuestions(questions, annotations, (imageId, place) =>
    picturePath(images, `${split}/COCO_${split}_${String(imageId).padStart(12, '0')}.jpg`, place),
  )

/**
 * The same for pictures that lie elsewhere.
 * @param pathOf The picture of an id; `place` is where the question stands, for errors.
 */
export async function readVqaQuestions(
  questions: string,
  annotations: string | undefined,
  pathOf: (imageId: number, place: string) => string,
): Promise<BenchmarkQuestion[]> {
  const known = annotations === undefined ? undefined : await readVqaAnnotations(annotations)
  const read = new Map<number, BenchmarkQuestion>()
  for await (const { array, value, place } of jsonEntries(questions)) {
    if (array !== 'questions') continue
    const { question_id: id, image_id, question } = checkEntry(questionSchema, value, place)
    if (read.has(id)) throw new DataError(`${place}: two questions have the id ${id}`)
    const annotation = known?.get(id)
    if (known && !annotation) throw new DataError(`${place}: question ${id} has no annotation in ${annotations}`)
    read.set(id, { id, path: pathOf(image_id, place), question, ...annotation })
  }
  if (read.size === 0) throw new DataError(`${questions}: no question; expected the list "questions" of the VQA format`)
  return [...read.values()]
}

/** The annotations by question id, in the order of the file. */
export async function readVqaAnnotations(file: string): Promise<ReadonlyMap<number | string, VqaAnnotation>> {
  const annotations = new Map<number | string, VqaAnnotation>()
  for await (const { array, value, place } of jsonEntries(file)) {
    if (array !== 'annotations') continue
    const { question_id, question_type, answer_type, answers } = checkEntry(annotationSchema, value, place)
    if (annotations.has(question_id)) throw new DataError(`${place}: question ${question_id} is annotated twice`)
    annotations.set(question_id, {
      answers: answers.map(withoutUndefined),
      ...(question_type === undefined ? {} : { questionType: question_type }),
      ...(answer_type === undefined ? {} : { answerType: answer_type }),
    })
  }
  if (annotations.size === 0)
    throw new DataError(`${file}: no annotation; expected the list "annotations" of the VQA format`)
  return annotations
}

type Parsed = z.infer<typeof annotationSchema>['answers'][number]

const withoutUndefined = ({ answer, answer_id, answer_confidence }: Parsed): HumanAnswer => ({
  answer,
  ...(answer_id === undefined ? {} : { answer_id }),
  ...(answer_confidence === undefined ? {} : { answer_confidence }),
})
