import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { CATEGORIES, sceneItems } from '../../../src/data/scenes/categories.js'
import { items } from './sceneFixtures.js'

describe('scene items', () => {
  it('fill all ten categories with labels of at most two words', () => {
    for (const category of CATEGORIES) {
      expect(items.filter((item) => item.category === category).length, category).toBeGreaterThanOrEqual(8)
    }
    expect(items.every(({ label }) => label.split(' ').length <= 2)).toBe(true)
    expect(new Set(items.map(({ label }) => label)).size).toBe(items.length)
  })

  it('hold no held-out concept', () => {
    const heldOut = new Set(
      emojiConcepts()
        .filter((concept) => concept.heldOut !== null)
        .map((concept) => concept.caption),
    )
    expect(items.filter(({ label }) => heldOut.has(label))).toEqual([])
  })

  it('are 397 before anything is held out: every label of the table is a concept', () => {
    expect(sceneItems(emojiConcepts()).length).toBe(397)
  })

  it('leave out what CLDR files under a misleading subgroup', () => {
    const labels = new Set(sceneItems(emojiConcepts()).map(({ label }) => label))
    for (const label of ['link', 'shopping bags', 'teapot', 'houses', 'pig nose', 'spider web'])
      expect(labels).not.toContain(label)
  })
})
