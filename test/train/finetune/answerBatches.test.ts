import { describe, expect, it } from 'vitest'
import { DataError } from '../../../src/errors.js'
import { answerBatches } from '../../../src/train/finetune/answerBatches.js'
import { pictureView } from '../../../src/train/finetune/pictureView.js'
import type { QuestionedPictures } from '../../../src/train/finetune/questionedPictures.js'
import { tinyPictures } from '../pretrain/tiny.js'

const pictures: QuestionedPictures = {
  length: tinyPictures.length,
  picture: (index) => tinyPictures.picture(index),
  mayMirror: () => false,
  questions: (index) => [
    { question: `what is ${index}?`, answers: ['a square', 'a square', 'a square', 'a thing'] },
    { question: `where is ${index}?`, answers: ['there'] },
  ],
  fingerprint: '',
}
const view = pictureView('whole', { size: 16, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] })
const batches = answerBatches(pictures, { batch: 4, questionsPerPicture: 3, seed: 5, view })

describe('batches of questions', () => {
  it('are a function of the step, with the questions of a picture side by side', () => {
    const { images, asked } = batches(3)
    const kept = images.slice()
    const again = answerBatches(pictures, { batch: 4, questionsPerPicture: 3, seed: 5, view })(3)
    expect(again.images).toEqual(kept)
    expect(again.asked).toEqual(asked)
    expect(asked).toHaveLength(12)
    for (let start = 0; start < 12; start += 3) {
      const numbers = asked.slice(start, start + 3).map(({ question }) => /\d+/.exec(question)![0])
      expect(new Set(numbers).size).toBe(1)
    }
  })

  it('show the very pixels', () => {
    const { images } = answerBatches({ ...pictures, length: 1 }, { batch: 1, questionsPerPicture: 1, seed: 5, view })(0)
    const { rgba } = tinyPictures.picture(0)
    for (const at of [0, 17, 255])
      for (let c = 0; c < 3; c++) expect(images[c * 256 + at]).toBeCloseTo((rgba[at * 4 + c]! / 255 - 0.5) / 0.25, 5)
  })

  it('answer as often as people did', () => {
    const answers = Array.from({ length: 400 }, (_, step) => batches(step).asked)
      .flat()
      .filter(({ question }) => question.startsWith('what'))
      .map(({ answer }) => answer)
    const share = answers.filter((answer) => answer === 'a thing').length / answers.length
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.3)
  })

  it('need a picture', () => {
    expect(() =>
      answerBatches({ ...pictures, length: 0 }, { batch: 1, questionsPerPicture: 1, seed: 5, view }),
    ).toThrow(DataError)
  })
})
