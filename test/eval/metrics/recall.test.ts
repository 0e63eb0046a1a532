import { expect, it } from 'vitest'
import { recallAt, retrievalRecall } from '../../../src/eval/metrics/recall.js'

it('recallAt counts the rows that are right early enough', () => {
  expect(recallAt(1, [0, 1, 4, Number.POSITIVE_INFINITY])).toBe(0.25)
  expect(recallAt(5, [0, 1, 4, Number.POSITIVE_INFINITY])).toBe(0.75)
})

it('any caption of a picture is right for it, and one picture for each caption', () => {
  // Pictures 0 and 1; captions 0, 1 of picture 0 and 2 of picture 1.
  const imageToText = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7]
  const textToImage = [0.1, 0.8, 0.9, 0.3, 0.2, 0.7]
  expect(retrievalRecall(imageToText, textToImage, [0, 0, 1], 2)).toEqual({
    text: { at1: 0.5, at5: 1, at10: 1 },
    image: { at1: 2 / 3, at5: 1, at10: 1 },
  })
})

it('refuses scores of another size', () => {
  expect(() => retrievalRecall([1], [1], [0, 0], 1)).toThrow(
    /imageToText has 1 scores; expected 1 pictures x 2 captions/,
  )
})
