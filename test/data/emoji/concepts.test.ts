import { describe, expect, it } from 'vitest'
import { emojiConcepts, normalizeHexcode, trainingConcepts } from '../../../src/data/emoji/concepts.js'

const byLabel = new Map(emojiConcepts().map((concept) => [concept.label, concept]))

describe('emoji concepts', () => {
  it('holds the base emoji and their skin-tone variants, without flags and components', () => {
    expect(emojiConcepts()).toHaveLength(3674)
    expect(emojiConcepts().filter((concept) => concept.base)).toHaveLength(1644)
    expect(new Set(emojiConcepts().map((concept) => concept.caption)).size).toBe(3674)
    expect(emojiConcepts().some((concept) => concept.group === 'flags')).toBe(false)
  })

  it('describes a skin-tone variant', () => {
    expect(byLabel.get('woman farmer: medium skin tone')).toMatchObject({
      hexcode: '1f469-1f3fd-200d-1f33e',
      caption: 'woman farmer: medium skin tone',
      group: 'people-body',
      subgroup: 'person-role',
      skinTones: [3],
      base: false,
      directional: false,
      composition: { role: 'farmer', gender: 'woman', tone: 3 },
    })
    expect(byLabel.get('woman farmer: medium skin tone')?.tags).toContain('gardener')
  })

  it('writes plain quotes in captions', () => {
    expect(byLabel.get('three o’clock')?.caption).toBe("three o'clock")
    expect(byLabel.get('Japanese “here” button')?.caption).toBe('japanese "here" button')
  })

  it.each(['left arrow', 'three o’clock', 'first quarter moon', 'chart increasing', 'OK button', 'person running'])(
    'does not mirror "%s"',
    (label) => expect(byLabel.get(label)?.directional).toBe(true),
  )

  it.each(['grinning face', 'dog', 'copyright', 'alarm clock', 'person surfing'])('mirrors "%s"', (label) =>
    expect(byLabel.get(label)?.directional).toBe(false),
  )

  it('composes 72 roles in 1,260 combinations', () => {
    const composed = emojiConcepts().flatMap((concept) => (concept.composition === null ? [] : [concept.composition]))
    expect(new Set(composed.map(({ role }) => role)).size).toBe(72)
    expect(composed).toHaveLength(1260)
  })

  it('keeps every pair of role, gender and tone in training', () => {
    const pairs = (held: boolean) =>
      new Set(
        emojiConcepts()
          .filter((concept) => concept.composition !== null && (!held || concept.heldOut === null))
          .flatMap(({ composition }) => {
            const { role, gender, tone } = composition!
            return [`${role}/${gender}`, `${role}/${tone}`, `${gender}/${tone}`]
          }),
      )
    expect(pairs(true)).toEqual(pairs(false))
  })

  it('holds out the listed numbers of concepts', () => {
    const count = (split: string | null) => emojiConcepts().filter((concept) => concept.heldOut === split).length
    expect(count('test-composition')).toBeGreaterThan(200)
    expect(count('val-composition')).toBeGreaterThan(95)
    expect(count('test-concept')).toBe(69)
    expect(count('val-concept')).toBe(23)
    expect(trainingConcepts()).toHaveLength(count(null))
    for (const label of ['three o’clock', 'seven-thirty', 'blue square', 'green circle', 'orange heart'])
      expect(byLabel.get(label)?.heldOut).toBe('test-concept')
    // Only things without people are held out as concepts.
    expect(
      emojiConcepts()
        .filter((concept) => concept.heldOut?.endsWith('-concept'))
        .every((concept) => concept.base),
    ).toBe(true)
  })
})

describe('normalizeHexcode', () => {
  it('drops the variation selector, leading zeros and capitals', () => {
    expect(normalizeHexcode('0023-FE0F-20E3')).toBe('23-20e3')
  })
})
