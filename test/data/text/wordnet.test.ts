import { describe, expect, it } from 'vitest'
import { glossSentences, wordnetGlosses } from '../../../src/data/text/wordnet.js'

const glosses = wordnetGlosses()

describe('wordnetGlosses', () => {
  it('reads all senses, each with a word and a definition', () => {
    expect(glosses.length).toBe(117_791)
    expect(glosses.filter(({ word, definition }) => word === '' || definition === '')).toEqual([])
    expect(glosses.filter(({ concrete }) => concrete).length).toBeGreaterThan(45_000)
  })

  it('writes a sense as a sentence', () => {
    const apple = glosses.find(({ word, definition }) => word === 'apple' && definition.startsWith('fruit'))
    expect(apple).toMatchObject({ partOfSpeech: 'noun', concrete: true, examples: [] })
    expect(glossSentences(apple!)[0]).toBe(
      'apple: fruit with red or yellow or green skin and sweet to tart crisp whitish flesh',
    )
  })

  it('keeps examples as sentences of their own, without quotation marks', () => {
    const sneeze = glosses.find(({ word, partOfSpeech }) => word === 'sneeze' && partOfSpeech === 'verb')
    expect(glossSentences(sneeze!)).toEqual([
      "sneeze: exhale spasmodically, as when an irritant entered one's nose",
      'Pepper makes me sneeze',
    ])
    expect(glosses.flatMap(({ examples }) => examples).filter((example) => example.split(' ').length < 4)).toEqual([])
  })

  it('leaves out the marks of the file format', () => {
    const words = glosses.map(({ word }) => word)
    expect(words.filter((word) => /_|\((a|p|ip)\)$/.test(word))).toEqual([])
  })
})
