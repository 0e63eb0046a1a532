import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { trainWordPiece } from '../../src/text/trainWordPiece.js'

const texts = ['A red apple, a Red car', 'a green apple and a piñata', 'apples!', 'three cars in the top-left']
const tokenizer = Tokenizer.fromJson(trainWordPiece(texts, { vocabularySize: 160 }))
const words = (text: string) => tokenizer.encode(text, { addSpecialTokens: false })

describe('trainWordPiece', () => {
  it('puts the special tokens first and [DEC] last', () => {
    const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
    expect(special.map((token) => tokenizer.idOf(token))).toEqual([0, 1, 2, 3, 4])
    expect(tokenizer.idOf('[DEC]')).toBe(tokenizer.size - 1)
  })

  it('joins frequent words and continues rare ones with ##', () => {
    expect(words('apple')).toEqual([tokenizer.idOf('apple')])
    expect(words('apples')).toEqual(['apple', '##s'].map((token) => tokenizer.idOf(token)))
  })

  it('joins pieces as counted by hand', () => {
    // ab x3, abc x2: the pair a+##b is in all five, ab+##c in two.
    const pieces = Tokenizer.fromJson(trainWordPiece(['ab ab ab abc abc'], { vocabularySize: 115 }))
    expect(pieces.encode('abc abd', { addSpecialTokens: false })).toEqual(
      ['abc', 'ab', '##d'].map((token) => pieces.idOf(token)),
    )
  })

  it('lower-cases and strips accents', () => {
    expect(words('RED Piñata')).toEqual(words('red pinata'))
  })

  it('gives no [UNK] for printable ASCII, and one for what it never saw', () => {
    const unknown = tokenizer.idOf('[UNK]')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), (text) => {
        expect(words(text)).not.toContain(unknown)
      }),
    )
    expect(words('ж')).toEqual([unknown])
  })

  it('decodes to the normalised text', () => {
    expect(tokenizer.decode(tokenizer.encode('Three apples in the CAR'))).toBe('three apples in the car')
  })

  it('is deterministic and refuses a size below its alphabet', () => {
    expect(trainWordPiece(texts, { vocabularySize: 160 })).toEqual(trainWordPiece(texts, { vocabularySize: 160 }))
    expect(() => trainWordPiece(texts, { vocabularySize: 50 })).toThrow(ConfigError)
  })
})
