import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beforeStop, openStop } from '../../src/tasks/stopStrings.js'
import { TextPieces } from '../../src/tasks/textPieces.js'

/** The text that a byte-level decoder gives of the first bytes, for every number of them. */
const prefixes = (text: string): string[] => {
  const bytes = new TextEncoder().encode(text)
  return Array.from(bytes, (_, i) => new TextDecoder().decode(bytes.subarray(0, i + 1)))
}

function piecesOf(text: string, stop: readonly string[] = []) {
  const pieces = new TextPieces(stop)
  const shown = prefixes(text).map((prefix) => pieces.push(prefix))
  return [...shown, pieces.end(beforeStop(text, stop).trim())].filter((piece) => piece !== '')
}

describe('pieces of a text', () => {
  it('never split a character', () => {
    expect(piecesOf('né 日本 👍🏽')).toEqual(['n', 'é', ' 日', '本', ' 👍', '🏽'])
  })

  it('are joined the text, without white space around it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
        const whole = text.replaceAll('\ufffd', '?')
        const pieces = piecesOf(` ${whole} \n`)
        expect(pieces.join('')).toBe(whole.trim())
        for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece)
      }),
    )
  })

  it('show nothing of a stop string, and no more after it', () => {
    expect(piecesOf('a dog. A cat', ['. A'])).toEqual(['a', ' d', 'o', 'g'])
    expect(piecesOf('a dog. B', ['. A']).join('')).toBe('a dog. B')
    expect(piecesOf('a dog.', ['. A']).join('')).toBe('a dog.')
    const random = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 10 })
    fc.assert(
      fc.property(
        random,
        fc.array(
          random.filter((string) => string !== ''),
          { maxLength: 2 },
        ),
        (text, stop) => {
          expect(piecesOf(text, stop).join('')).toBe(beforeStop(text, stop).trim())
        },
      ),
    )
  })

  it('show at the end what looked like a character that is not whole', () => {
    const pieces = new TextPieces([])
    expect(pieces.push('a\ufffd')).toBe('a')
    expect(pieces.end('a\ufffd')).toBe('\ufffd')
  })
})

describe('stop strings', () => {
  it('end a text at the first of them', () => {
    expect(beforeStop('one two three', ['three', 'two'])).toBe('one ')
    expect(beforeStop('one', ['two'])).toBe('one')
  })

  it('may have begun at the end of a text', () => {
    expect(openStop('one tw', ['two', 'wide'])).toBe(2)
    expect(openStop('one', ['two'])).toBe(0)
    expect(openStop('two', ['two'])).toBe(0)
  })
})
