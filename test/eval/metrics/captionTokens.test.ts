import { describe, expect, it } from 'vitest'
import { tokenizeCaption } from '../../../src/eval/metrics/captionTokens.js'
import { golden } from './golden.js'

describe('tokenizeCaption', () => {
  const { captions } = golden<{ captions: readonly (readonly [caption: string, tokens: string])[] }>('tokens')

  it.each(captions)('%s', (caption, tokens) => {
    expect(tokenizeCaption(caption)).toBe(tokens)
  })

  it('of tokens is the same again', () => {
    for (const tokens of ['a man riding a wave', 'two dogs play in the snow'])
      expect(tokenizeCaption(tokens)).toBe(tokens)
  })
})
