import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { describeScene } from '../../../src/data/scenes/grammar.js'
import { seededUniform } from '../../../src/data/scenes/random.js'
import { drawScene } from '../../../src/data/scenes/scene.js'
import { items, sceneOf } from './sceneFixtures.js'

describe('describeScene', () => {
  it('writes one thing', () => {
    expect(describeScene(sceneOf('orange', { 'top left': 'unicorn' }))).toEqual([
      'a unicorn on an orange background',
      'a unicorn in the top left',
      'a unicorn in the top left on an orange background',
    ])
  })

  it('writes several things, plural and mass nouns without an article', () => {
    const scene = sceneOf('red', { 'top left': 'grapes', 'top right': 'owl', 'bottom right': 'sushi' })
    expect(describeScene(scene)).toEqual([
      'grapes, an owl and sushi on a red background',
      'three things: grapes, an owl and sushi',
      'grapes in the top left, an owl in the top right and sushi in the bottom right',
      'grapes in the top left, an owl in the top right and sushi in the bottom right on a red background',
    ])
  })

  it('names every thing, the right article before it, and no held-out concept', () => {
    const random = seededUniform(5)
    const heldOut = new Set(emojiConcepts().flatMap((concept) => (concept.heldOut === null ? [] : [concept.caption])))
    for (let i = 0; i < 300; i++) {
      const scene = drawScene(items, random)
      for (const caption of describeScene(scene)) {
        for (const { item } of scene.objects) expect(caption).toContain(item.label)
        expect(caption).not.toMatch(/\ba (?!ewe)[aei]|\ban [^aeiouh]|\b(a|an) (grapes|jeans|sushi|scissors)\b(?! )/)
      }
      expect(scene.objects.some(({ item }) => heldOut.has(item.label))).toBe(false)
    }
  })
})
