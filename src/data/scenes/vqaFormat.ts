import type { AnsweredQuestion, QuestionType } from './questions.js'

/** A question about a picture, with the id that questions and annotations share. */
export interface NumberedQuestion extends AnsweredQuestion {
  readonly id: number
  readonly imageId: number
}

/** People that answered, in VQA v2; here they all agree. */
const ANSWERS = 10

/** The answer types of VQA v2. */
export function answerType(type: QuestionType): 'yes/no' | 'number' | 'other' {
  switch (type) {
    case 'presence':
    case 'left of':
    case 'more than':
      return 'yes/no'
    case 'count things':
    case 'count category':
      return 'number'
    default:
      return 'other'
  }
}

/** The right answer as VQA v2 has it: ten times, each with an id of its own. */
export const tenAnswers = (answer: string): { answer: string; answer_confidence: 'yes'; answer_id: number }[] =>
  Array.from({ length: ANSWERS }, (_, i) => ({ answer, answer_confidence: 'yes', answer_id: i + 1 }))

/** The question and annotation files of VQA v2, and the list of complementary pairs that goes with them. */
export function vqaFiles(questions: readonly NumberedQuestion[], subtype: string) {
  const head = {
    info: { description: `Questions about scenes of emoji drawings: ${subtype}`, version: '1' },
    license: { name: 'CC0-1.0 (questions and answers)', url: 'https://creativecommons.org/publicdomain/zero/1.0/' },
    data_type: 'scenes',
    data_subtype: subtype,
  }
  return {
    questions: {
      ...head,
      task_type: 'Open-Ended',
      questions: questions.map(({ id, imageId, question }) => ({ question_id: id, image_id: imageId, question })),
    },
    annotations: {
      ...head,
      annotations: questions.map(({ id, imageId, type, answer }) => ({
        question_id: id,
        image_id: imageId,
        question_type: type,
        answer_type: answerType(type),
        multiple_choice_answer: answer,
        answers: tenAnswers(answer),
      })),
    },
    pairs: Array.from({ length: questions.length / 2 }, (_, n) => [questions[2 * n]!.id, questions[2 * n + 1]!.id]),
  }
}
