import { expect, it } from 'vitest'
import { exactMatch } from '../../../src/eval/metrics/exactMatch.js'
import { normalizeAnswerFixed } from '../../../src/eval/metrics/vqaNormalization.js'

const answered = [
  { questionId: 1, prediction: 'Woman ', answers: [{ answer: 'woman' }], questionType: 'query' },
  { questionId: 2, prediction: 'a woman', answers: [{ answer: 'woman' }], questionType: 'query' },
  { questionId: 3, prediction: 'no', answers: [{ answer: 'yes' }], questionType: 'verify' },
]

it('counts right answers, by type', () => {
  expect(exactMatch(answered)).toEqual({
    overall: 33.33,
    perQuestionType: { query: 50, verify: 0 },
    perAnswerType: {},
    accuracies: [1, 0, 0],
  })
})

it('compares what the normalisation leaves', () => {
  expect(exactMatch(answered, normalizeAnswerFixed).accuracies).toEqual([1, 1, 0])
})
