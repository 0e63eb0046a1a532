import { describe, expect, it } from 'vitest'
import { verbOf, withArticle } from '../../../src/data/scenes/nouns.js'
import { items } from './sceneFixtures.js'

describe('articles', () => {
  it.each([
    ['cat', 'a cat'],
    ['apple', 'an apple'],
    ['orange', 'an orange'],
    ['unicorn', 'a unicorn'],
    ['ewe', 'a ewe'],
    ['herb', 'an herb'],
    ['one-piece swimsuit', 'a one-piece swimsuit'],
    ["woman's hat", "a woman's hat"],
    ['grapes', 'grapes'],
    ['scissors', 'scissors'],
    ['sushi', 'sushi'],
  ])('%s: %s', (label, phrase) => {
    expect(withArticle(label)).toBe(phrase)
  })

  it('never stand before a plural', () => {
    const endInS = items.filter(({ label }) => /[^s]s$/.test(label)).map(({ label }) => label)
    const singulars = [
      'moose',
      'rhinoceros',
      'hippopotamus',
      'octopus',
      'cactus',
      'lotus',
      'hibiscus',
      'bus',
      'trolleybus',
      'minibus',
    ]
    for (const label of endInS.filter((one) => !singulars.includes(one.split(' ').at(-1)!))) {
      expect(withArticle(label)).toBe(label)
      expect(verbOf(label)).toBe('are')
    }
  })

  it('give the verb', () => {
    expect(['cat', 'grapes', 'sushi'].map(verbOf)).toEqual(['is', 'are', 'is'])
  })
})
