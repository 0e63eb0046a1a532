import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { learnMerges } from '../../src/text/learnMerges.js'
import { seededUniform } from '../../src/data/scenes/random.js'

const join = (left: string, right: string) => left + right

describe('learnMerges', () => {
  it('merges the example of the paper in the order worked out by hand', () => {
    // low x5, lower x2, newest x6, widest x3. Pairs: es 9, st 9, we 8, lo 7, ow 7, ne 6, ew 6, wi 3 ...
    const words = Object.entries({ low: 5, lower: 2, newest: 6, widest: 3 }).map(([word, count]) => ({
      symbols: [...word],
      count,
    }))
    const alphabet = [...'deilnorstw']
    const { merges, symbols } = learnMerges({ alphabet, words, maxSymbols: alphabet.length + 5, minCount: 2, join })
    expect(merges).toEqual([
      ['e', 's'], // 9, before s+t (9) because e is the older symbol
      ['es', 't'], // 9
      ['l', 'o'], // 7, before o+w (7)
      ['lo', 'w'], // 7
      ['e', 'w'], // 6, before n+e (6) and w+est (6)
    ])
    expect(symbols.slice(alphabet.length)).toEqual(['es', 'est', 'lo', 'low', 'ew'])
  })

  it('stops at the smallest count and at the wanted size', () => {
    const words = [
      { symbols: ['a', 'b'], count: 3 },
      { symbols: ['b', 'c'], count: 1 },
    ]
    const alphabet = ['a', 'b', 'c']
    expect(learnMerges({ alphabet, words, maxSymbols: 100, minCount: 2, join }).merges).toEqual([['a', 'b']])
    expect(learnMerges({ alphabet, words, maxSymbols: 3, minCount: 1, join }).merges).toEqual([])
  })

  it('refuses a symbol outside the alphabet', () => {
    const words = [{ symbols: ['z'], count: 1 }]
    expect(() => learnMerges({ alphabet: ['a'], words, maxSymbols: 9, minCount: 1, join })).toThrow(ConfigError)
  })

  it('agrees with counting everything anew at each step', () => {
    const random = seededUniform(1)
    const alphabet = [...'abcd']
    for (let round = 0; round < 20; round++) {
      const words = Array.from({ length: 30 }, () => ({
        symbols: Array.from({ length: 1 + Math.floor(random() * 9) }, () => alphabet[Math.floor(random() * 4)]!),
        count: 1 + Math.floor(random() * 5),
      }))
      const { merges } = learnMerges({ alphabet, words, maxSymbols: 40, minCount: 2, join })
      expect(merges).toEqual(mergesCountedAnew(alphabet, words, 40, 2))
    }
  })
})

/** The slow and obvious algorithm. */
function mergesCountedAnew(
  alphabet: string[],
  words: { symbols: string[]; count: number }[],
  maxSymbols: number,
  minCount: number,
): [string, string][] {
  const symbols = [...alphabet]
  let rows = words
  const merges: [string, string][] = []
  while (symbols.length < maxSymbols) {
    const counts = new Map<string, number>()
    for (const { symbols: row, count } of rows) {
      for (let i = 1; i < row.length; i++) {
        const pair = `${row[i - 1]} ${row[i]}`
        counts.set(pair, (counts.get(pair) ?? 0) + count)
      }
    }
    const [best] = [...counts]
      .map(([pair, count]) => ({ pair: pair.split(' ') as [string, string], count }))
      .sort(
        (a, b) =>
          b.count - a.count ||
          symbols.indexOf(a.pair[0]) - symbols.indexOf(b.pair[0]) ||
          symbols.indexOf(a.pair[1]) - symbols.indexOf(b.pair[1]),
      )
    if (!best || best.count < minCount) break
    const [left, right] = best.pair
    merges.push([left, right])
    if (!symbols.includes(left + right)) symbols.push(left + right)
    rows = rows.map(({ symbols: row, count }) => {
      const merged: string[] = []
      for (let i = 0; i < row.length; i++) {
        if (row[i] === left && row[i + 1] === right) {
          merged.push(left + right)
          i++
        } else merged.push(row[i]!)
      }
      return { symbols: merged, count }
    })
  }
  return merges
}
