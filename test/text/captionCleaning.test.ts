import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cleanCaption, cleanQuestion } from '../../src/text/captionCleaning.js'

interface GoldenPair {
  input: string
  caption: string
  caption_with_prompt: string
  question: string
}

const pairs = JSON.parse(
  readFileSync(new URL('../fixtures/text/caption-cleaning.json', import.meta.url), 'utf8'),
) as GoldenPair[]

describe('caption cleaning agrees with the reference processors', () => {
  it.each(pairs)('$input', (pair) => {
    expect(cleanCaption(pair.input)).toBe(pair.caption)
    expect(cleanCaption(pair.input, { prompt: 'a photo of ' })).toBe(pair.caption_with_prompt)
    expect(cleanQuestion(pair.input)).toBe(pair.question)
  })

  it('keeps a chosen number of words', () => {
    expect(cleanCaption('one two three', { maxWords: 2 })).toBe('one two')
    expect(cleanQuestion('one two three?', { maxWords: 2 })).toBe('one two')
  })
})
