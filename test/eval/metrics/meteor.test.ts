import { describe, expect, it } from 'vitest'
import { stemEnglish } from '../../../src/eval/metrics/englishStemmer.js'
import { meteor, meteorStatistics } from '../../../src/eval/metrics/meteor.js'
import { meteorWords } from '../../../src/eval/metrics/meteorWords.js'
import { golden } from './golden.js'

interface GoldenMeteor {
  readonly pairs: readonly { hypothesis: string; references: string[]; score: number }[]
  readonly corpus: number
  readonly golden_corpus: number
}

it('the stemmer agrees with the one in METEOR 1.5', () => {
  const { stems } = golden<{ stems: Record<string, string> }>('stems')
  expect(Object.fromEntries(Object.keys(stems).map((word) => [word, stemEnglish(word)]))).toEqual(stems)
})

describe('meteorWords', () => {
  it.each([
    ["a cat 's tail is n't visible", "a cat ' s tail is n 't visible"],
    ['a 12-year-old boy at 5:30 p.m.', 'a 12 year old boy at 5 : 30 pm'],
    ['an a&w sign, 3,000 fans', 'an a & w sign , 3,000 fans'],
    ['dr. jones vs. co. inc.', 'dr. jones vs. co. inc .'],
    ['at -5 degrees -lrb- cold -rrb-', 'at -5 degrees -lrb- cold -rrb-'],
  ])('%s', (line, words) => {
    expect(meteorWords(line).join(' ')).toBe(words)
  })
})

describe('meteor', () => {
  const { pairs, corpus, golden_corpus } = golden<GoldenMeteor>('meteor')

  it.each(pairs)('of "$hypothesis" agrees with the Java program', (pair) => {
    expect(Math.abs(meteor([meteorStatistics(pair)]) - pair.score)).toBeLessThan(1e-6)
  })

  it('of a corpus is not the mean of its captions', () => {
    expect(meteor(pairs.map((pair) => meteorStatistics(pair)))).toBeCloseTo(corpus, 6)
    expect(meteor(pairs.slice(0, 12).map((pair) => meteorStatistics(pair)))).toBeCloseTo(golden_corpus, 6)
  })

  it('of an empty caption is 0', () => {
    expect(meteor([meteorStatistics({ hypothesis: '', references: ['a red car'] })])).toBe(0)
  })
})
