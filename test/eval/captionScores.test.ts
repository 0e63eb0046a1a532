import { describe, expect, it } from 'vitest'
import { isExactMatch, normalizeText, wordF1 } from '../../src/eval/captionScores.js'
import { cleanCaption } from '../../src/text/captionCleaning.js'

describe('normalizeText', () => {
  it.each([
    ["Four O'Clock", 'four o clock'],
    ['woman farmer: medium skin tone', 'woman farmer medium skin tone'],
    ['  one-thirty.  ', 'one thirty'],
    ['“A” button (blood type)', 'a button blood type'],
    ['keycap: *', 'keycap'],
    ['piñata', 'piñata'],
  ])('%s', (text, normal) => {
    expect(normalizeText(text)).toBe(normal)
  })

  it.each(["Four O'Clock", 'woman farmer: medium skin tone', 'Mrs. Claus', 'keycap: *', 'T-Rex'])(
    'is the same for %s as the model was taught to write it',
    (text) => {
      expect(normalizeText(cleanCaption(text))).toBe(normalizeText(text))
    },
  )
})

it('an exact match is any answer, without case and punctuation', () => {
  expect(isExactMatch('Man Surfing!', ['person surfing', 'man surfing'])).toBe(true)
  expect(isExactMatch('man', ['person surfing', 'man surfing'])).toBe(false)
  expect(isExactMatch('', ['octopus'])).toBe(false)
})

describe('wordF1', () => {
  it.each([
    ['red car', ['red car'], 1],
    ['red car', ['car'], (2 * 1) / 3],
    ['blue', ['red car'], 0],
    ['a a b', ['a b b'], (2 * 2) / 6],
    ['man surfing', ['person surfing', 'man'], (2 * 1) / 3],
    ['', ['octopus'], 0],
  ])('%s against %o', (caption, answers, score) => {
    expect(wordF1(caption, answers)).toBeCloseTo(score, 12)
  })
})
