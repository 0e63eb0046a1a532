import { DataError } from '../../errors.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import type { PictureView } from './pictureView.js'
import type { QuestionedPictures } from './questionedPictures.js'

export interface AskedBatch {
  /** [pictures, 3, size, size], normalised; overwritten by the next batch. */
  readonly images: Float32Array
  /** [pictures x questionsPerPicture], those of a picture one after the other. */
  readonly asked: readonly { readonly question: string; readonly answer: string }[]
}

export interface AnswerBatchOptions {
  /** Pictures of a batch. */
  readonly batch: number
  /** A picture with fewer is asked some of them twice. */
  readonly questionsPerPicture: number
  readonly seed: number
  readonly view: PictureView
}

/**
 * Batches of pictures with some of their questions, as a function of the seed and the step alone. Of a question's answers
 * one is drawn, each as likely as people gave it (authors' code).
 */
export function answerBatches(
  pictures: QuestionedPictures,
  { batch, questionsPerPicture, seed, view }: AnswerBatchOptions,
): (step: number) => AskedBatch {
  if (pictures.length === 0) throw new DataError('there is no picture to train on; expected at least one')
  const order = shuffledEpochs(pictures.length, seed)
  const pixels = 3 * view.size * view.size
  const images = new Float32Array(batch * pixels)
  return (step) => {
    const random = new Random(seed, `batch/${step}`)
    const asked = Array.from({ length: batch }, (_, i) => {
      const index = order(step * batch + i)
      view.write(pictures.picture(index), pictures.mayMirror(index), () => random.uniform(), images, i * pixels)
      const questions = random.shuffle([...pictures.questions(index)])
      return Array.from({ length: questionsPerPicture }, (_, k) => {
        const { question, answers } = questions[k % questions.length]!
        return { question, answer: answers[random.integer(answers.length)]! }
      })
    })
    return { images, asked: asked.flat() }
  }
}
