import { describe, expect, it } from 'vitest'
import { bleu, bleuStatistics } from '../../../src/eval/metrics/bleu.js'
import type { CaptionPair } from '../../../src/eval/metrics/captionPair.js'
import { cider } from '../../../src/eval/metrics/cider.js'
import { rougeL } from '../../../src/eval/metrics/rougeL.js'
import { type GoldenCaptions, type GoldenScores, golden, pairsOf } from './golden.js'

const captions = golden<GoldenCaptions>('caption')
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function score(pairs: readonly CaptionPair[]): GoldenScores {
  const statistics = pairs.map(bleuStatistics)
  const perImage = statistics.map((caption) => bleu([caption]))
  const names = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4']
  const rouge = pairs.map(rougeL)
  const ciders = cider(pairs)
  return {
    corpus: {
      ...Object.fromEntries(bleu(statistics).map((value, i) => [names[i]!, value])),
      ROUGE_L: mean(rouge),
      CIDEr: mean(ciders),
    },
    per_image: {
      ...Object.fromEntries(names.map((name, i) => [name, perImage.map((values) => values[i]!)])),
      ROUGE_L: rouge,
      CIDEr: ciders,
    },
  }
}

describe.each([
  ['12 pictures', captions.ids, captions.scores],
  ['3 pictures, whose document frequencies differ', captions.subset.ids, captions.subset.scores],
] as const)('coco-caption on %s', (_, ids, expected) => {
  const found = score(pairsOf(captions, ids))

  it.each(Object.keys(expected.corpus))('%s', (name) => {
    expect(Math.abs(found.corpus[name]! - expected.corpus[name]!)).toBeLessThan(1e-9)
    expected.per_image[name]!.forEach((value, i) => {
      expect(Math.abs(found.per_image[name]![i]! - value)).toBeLessThan(1e-9)
    })
  })
})

describe('at the edges', () => {
  const alone = { hypothesis: 'a red car', references: ['a red car'] }

  it('an empty caption scores 0', () => {
    const empty = { hypothesis: '', references: ['a red car'] }
    expect(bleu([bleuStatistics(empty)])[3]).toBeLessThan(1e-6)
    expect(rougeL(empty)).toBe(0)
    expect(cider([empty, alone])[0]).toBe(0)
  })

  it('a corpus of one picture has no rare words, so its CIDEr is 0', () => {
    expect(cider([alone])).toEqual([0])
  })

  it('the shorter of two references that are equally close sets the brevity penalty', () => {
    const { referenceLength } = bleuStatistics({ hypothesis: 'a b c', references: ['a b c d', 'a b'] })
    expect(referenceLength).toBe(2)
  })
})
