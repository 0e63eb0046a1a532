import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { trainBpe } from '../../src/text/trainBpe.js'

const texts = [
  'a red apple on a red background\n',
  'a red car and a green apple\n',
  'Question: is there a red apple? Answer: yes\n',
  'the apples aren’t in the top left, they’re café-red\n',
]
const json = trainBpe(texts, { vocabularySize: 400 })
const tokenizer = Tokenizer.fromJson(json)

describe('trainBpe', () => {
  it('starts with the special tokens of OPT and the 256 bytes', () => {
    expect(['<s>', '<pad>', '</s>', '<unk>'].map((token) => tokenizer.idOf(token))).toEqual([0, 1, 2, 3])
    expect(tokenizer.idOf('Ā')).toBe(4)
    expect(tokenizer.idOf('ÿ')).toBe(4 + 255)
  })

  it('merges what is most frequent first, as counted by hand', () => {
    // "aaabdaaabac", twice: aa 8 (two overlapping in each aaa), ab 4, then aa+ab ...
    const { model } = trainBpe(['aaabdaaabac', 'aaabdaaabac'], { vocabularySize: 260 + 3 })
    expect(model['merges']).toEqual([
      ['a', 'a'], // 8
      ['a', 'b'], // 4: aa|ab|d|aa|ab|a|c has a+b 4, aa+a 4; a is older than aa
      ['aa', 'ab'], // 4
    ])
  })

  it('takes a frequent word with its space as one token', () => {
    expect(tokenizer.encode(' red', { addSpecialTokens: false })).toEqual([tokenizer.idOf('Ġred')])
  })

  it('keeps a line break a token of its own', () => {
    const newline = tokenizer.idOf('Ċ')
    const trained = Tokenizer.fromJson(trainBpe(['x\n\n\nx\n\n\n', ' \n \n'], { vocabularySize: 300, minCount: 1 }))
    expect(trained.encode('\n\n', { addSpecialTokens: false })).toEqual([newline, newline])
    expect(tokenizer.encode('a red apple\n').at(-1)).toBe(newline)
  })

  it('cuts words by its merges in their order', () => {
    const merges = json.model['merges'] as [string, string][]
    for (const word of [' apple', ' background', ' Question', ' greenred']) {
      expect(tokenizer.encode(word, { addSpecialTokens: false })).toEqual(
        mergeInOrder([...word.replace(' ', 'Ġ')], merges).map((token) => tokenizer.idOf(token)),
      )
    }
  })

  it('is deterministic and never larger than asked', () => {
    expect(trainBpe(texts, { vocabularySize: 400 })).toEqual(json)
    expect(tokenizer.size).toBeLessThanOrEqual(400)
    expect(() => trainBpe(texts, { vocabularySize: 200 })).toThrow(ConfigError)
  })

  it('gives back any Unicode text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }), { skipSpecial: false })).toBe(text)
      }),
      { numRuns: 500 },
    )
  })
})

function mergeInOrder(symbols: string[], merges: [string, string][]): string[] {
  let row = symbols
  for (const [left, right] of merges) {
    const next: string[] = []
    for (let i = 0; i < row.length; i++) {
      if (row[i] === left && row[i + 1] === right) {
        next.push(left + right)
        i++
      } else next.push(row[i]!)
    }
    row = next
  }
  return row
}
