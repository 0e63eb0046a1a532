import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { seededUniform } from '../../../src/data/scenes/random.js'
import { conceptCaptions, conceptQuestions, heldOutCaptions } from '../../../src/data/text/conceptText.js'

const concepts = emojiConcepts()
const heldOut = heldOutCaptions(concepts)

describe('conceptCaptions', () => {
  const { captions, keywords } = conceptCaptions(concepts)

  it('has the cleaned caption of every training concept', () => {
    expect(captions.length).toBe(concepts.filter((concept) => concept.heldOut === null).length)
    expect(captions).toContain('beaver')
    expect(captions.some((caption) => /[:.!]/.test(caption))).toBe(false)
  })

  it('lists tags like a dictionary', () => {
    expect(keywords).toContain('beaver: animal, dam, teeth')
  })

  it('has no held-out caption, not even as a tag', () => {
    expect(captions.filter((caption) => heldOut.has(caption))).toEqual([])
    for (const line of keywords) {
      const [caption, ...tags] = line.split(/: |, /)
      expect([caption, ...tags].filter((text) => heldOut.has(text!))).toEqual([])
    }
  })
})

describe('conceptQuestions', () => {
  const questions = conceptQuestions(concepts, seededUniform(1))

  it('asks what a drawing is, what kind of thing, and whether it is another', () => {
    const texts = questions.map(({ question, answer }) => `${question} ${answer}`)
    expect(
      texts.some((text) => /^(what is this|what is in the picture|what does the picture show)\? beaver$/.test(text)),
    ).toBe(true)
    expect(texts).toContain('is this a beaver? yes')
    expect(texts).toContain('are these jeans? yes')
    expect(texts.filter((text) => text === 'what kind of thing is this? musical instrument')).toHaveLength(13)
  })

  it('never names a held-out concept', () => {
    for (const { question, answer } of questions) {
      expect(heldOut.has(answer)).toBe(false)
      expect(heldOut.has(question.replace(/^(is this|are these) (an? )?|\?$/g, ''))).toBe(false)
    }
  })
})
