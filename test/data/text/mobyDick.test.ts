import { expect, it } from 'vitest'
import { mobyDick } from '../../../src/data/text/mobyDick.js'

it('gives the sentences of the novel from chapter 1 to the epilogue', () => {
  const sentences = mobyDick()
  expect(sentences[0]).toBe('Call me Ishmael.')
  expect(sentences.at(-1)).toContain('found another orphan.')
  expect(sentences.length).toBeGreaterThan(7000)
  for (const sentence of sentences) {
    expect(sentence).not.toMatch(/[“”‘’—_\n]|^CHAPTER \d/)
    expect(sentence.split(' ').length).toBeLessThanOrEqual(60)
  }
})
