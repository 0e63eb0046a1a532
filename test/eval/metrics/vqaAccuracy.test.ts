import { describe, expect, it } from 'vitest'
import { roundHalfEven } from '../../../src/eval/metrics/answerScores.js'
import { vqaAccuracy } from '../../../src/eval/metrics/vqaAccuracy.js'
import {
  normalizeAnswer,
  normalizeAnswerFixed,
  stripArticles,
  stripPunctuation,
} from '../../../src/eval/metrics/vqaNormalization.js'
import { golden } from './golden.js'

interface GoldenVqa {
  readonly questions: readonly {
    question_id: number
    prediction: string
    answers: string[]
    question_type: string
    answer_type: string
  }[]
  readonly accuracy: object
  readonly accuracy_without_answer_ids: object
  readonly per_question: Record<string, number>
  readonly per_question_without_answer_ids: Record<string, number>
  readonly normalisation: readonly { pred: string; final: string; refs_after: [string, string][] }[]
  readonly normalisation_extra: readonly { input: string; punct: string; digit_article: string; both: string }[]
}

const vqa = golden<GoldenVqa>('vqa')
const predictions = (ids: boolean) =>
  vqa.questions.map(({ question_id, prediction, answers, question_type, answer_type }) => ({
    questionId: question_id,
    prediction,
    answers: answers.map((answer, i) => ({ answer, ...(ids ? { answer_id: i + 1 } : {}) })),
    questionType: question_type,
    answerType: answer_type,
  }))

describe.each([
  ['with answer ids', true, vqa.accuracy, vqa.per_question],
  ['without', false, vqa.accuracy_without_answer_ids, vqa.per_question_without_answer_ids],
] as const)('the official accuracy %s', (_, ids, accuracy, perQuestion) => {
  it('overall, by type and by question', () => {
    const { accuracies, ...scores } = vqaAccuracy(predictions(ids))
    expect(scores).toEqual(accuracy)
    expect(
      Object.fromEntries(vqa.questions.map(({ question_id }, i) => [question_id, roundHalfEven(100 * accuracies[i]!)])),
    ).toEqual(perQuestion)
  })
})

describe('the official normalisation', () => {
  it.each(vqa.normalisation)('of the prediction "$pred"', ({ pred, final, refs_after }) => {
    expect(normalizeAnswer(pred)).toBe(final)
    for (const [answer, after] of refs_after) expect(stripPunctuation(answer)).toBe(after)
  })

  it.each(vqa.normalisation_extra)('of $input', ({ input, punct, digit_article, both }) => {
    expect(stripPunctuation(input)).toBe(punct)
    expect(stripArticles(input)).toBe(digit_article)
    expect(stripArticles(punct)).toBe(both)
  })
})

describe('without the slips', () => {
  const same = (prediction: string, answer: string) =>
    vqaAccuracy([{ questionId: 1, prediction, answers: Array.from({ length: 10 }, () => ({ answer })) }], {
      fixed: true,
    }).overall

  it.each([
    ['Frisbee', 'Frisbee'],
    ['frisbee!', 'frisbee!'],
    ['the two dogs', '2 dogs'],
    ['Im fine', "I'm fine"],
    ['1,000', '1000'],
    ['yes.', 'Yes'],
  ])('%s is right for %s ten times', (prediction, answer) => {
    expect(same(prediction, answer)).toBe(100)
  })

  it.each([
    ['3.5', '3.5'],
    ['U.S.A.', 'usa'],
    ['3.', '3'],
    ["somebody'd", "somebody'd"],
    ['a-b, 1,000', 'b 1000'],
  ])('%s is normalised to %s, and that to itself', (answer, normal) => {
    expect(normalizeAnswerFixed(answer)).toBe(normal)
    expect(normalizeAnswerFixed(normal)).toBe(normal)
  })
})

it('rounds as Python does', () => {
  expect([59.375, 59.125, 33.333333, 62.5, 0.005].map(roundHalfEven)).toEqual([59.38, 59.12, 33.33, 62.5, 0.01])
})

it('a question without answers is named', () => {
  expect(() => vqaAccuracy([{ questionId: 7, prediction: 'yes', answers: [] }])).toThrow(/question 7/)
  expect(() => vqaAccuracy([])).toThrow(/no answer to score/)
})
