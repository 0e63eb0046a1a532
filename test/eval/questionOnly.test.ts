import { describe, expect, it } from 'vitest'
import { DataError } from '../../src/errors.js'
import { questionOnlyAnswers } from '../../src/eval/questionOnly.js'

const asked = (question: string, answer: string, questionType = 'color') => ({
  question,
  questionType,
  answers: Array.from({ length: 10 }, () => ({ answer })),
})
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

describe('answers of a guesser who sees no picture', () => {
  it('are the most frequent to the question where it was met often, else to its type', () => {
    const known = [
      ...times(5, asked('what color?', 'red')),
      ...times(9, asked('which hue?', 'blue')),
      asked('rare?', 'pink'),
    ]
    expect(
      questionOnlyAnswers([asked('what color?', 'green'), asked('rare?', 'x'), asked('new?', 'x', 'other')], known),
    ).toEqual(['red', 'blue', 'blue'])
  })

  it('learn from all other questions where nothing else is known', () => {
    const questions = [...times(6, asked('what color?', 'red')), asked('what color?', 'blue')]
    expect(questionOnlyAnswers(questions)).toEqual(times(7, 'red'))
    const even = [...times(3, asked('q?', 'yes')), ...times(3, asked('q?', 'no'))]
    expect(questionOnlyAnswers(even)).toEqual([...times(3, 'no'), ...times(3, 'yes')])
  })

  it('need answered questions', () => {
    expect(() => questionOnlyAnswers([{ question: 'secret?' }])).toThrow(DataError)
  })
})
