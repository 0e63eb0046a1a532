import { describe, expect, it } from 'vitest'
import { groupOfStep, lengthGroups } from '../../../src/train/pretrain/lengthGroups.js'

const lengths = Array.from({ length: 100 }, (_, i) => (i % 4 === 0 ? 15 : 5))

describe('pictures by the length of their captions', () => {
  it('are parted at two fifths of the longest length', () => {
    const [short, long] = lengthGroups([8, 9, 8, 9], { maxTokens: 20, batch: 0 })
    expect(short).toEqual({ tokens: 8, pictures: [0, 2] })
    expect(long).toEqual({ tokens: 20, pictures: [1, 3] })
  })

  it('stay together where a group gives too few batches', () => {
    expect(lengthGroups(lengths, { maxTokens: 20, batch: 3 })).toHaveLength(2)
    expect(lengthGroups(lengths, { maxTokens: 20, batch: 4 })).toEqual([
      { tokens: 20, pictures: lengths.map((_, i) => i) },
    ])
  })
})

describe('the group of a step', () => {
  const groups = lengthGroups(lengths, { maxTokens: 20, batch: 1 })
  const steps = Array.from({ length: 1000 }, (_, step) => groupOfStep(groups, step))

  it('comes in proportion to its size', () => {
    expect(steps.filter(({ group }) => group === groups[0])).toHaveLength(750)
  })

  it('counts its own turns without a gap', () => {
    for (const group of groups) {
      const turns = steps.filter((step) => step.group === group).map(({ turn }) => turn)
      expect(turns).toEqual(turns.map((_, i) => i))
    }
  })

  it('is the only one where there is one', () => {
    const [only] = [lengthGroups(lengths, { maxTokens: 20, batch: 50 })]
    expect(groupOfStep(only, 7)).toEqual({ group: only[0], turn: 7 })
  })
})
