import { expect, it } from 'vitest'
import { distinctCandidates, rankCandidates } from '../../src/capfilt/rankCandidates.js'

it('compares each text once, the data set’s first, and none that is empty', () => {
  expect(distinctCandidates(['A dog.', '***'], ['a dog', 'a cat', '', 'A CAT!', 'a red cat'])).toEqual([
    { text: 'A dog.', origin: 'web' },
    { text: 'a cat', origin: 'model' },
    { text: 'a red cat', origin: 'model' },
  ])
})

it('puts the most similar first and keeps the order of equal ones', () => {
  const candidates = distinctCandidates(['a'], ['b', 'c', 'd'])
  const ranked = rankCandidates(candidates, [0.2, 0.5, 0.2, 0.7])
  expect(ranked.map(({ text }) => text)).toEqual(['d', 'b', 'a', 'c'])
})
