import { describe, expect, it } from 'vitest'
import { emojiConcepts } from '../../../src/data/emoji/concepts.js'
import { assignSplit } from '../../../src/data/emoji/splits.js'

const seen = emojiConcepts().filter((concept) => concept.heldOut === null)
const unseen = (split: string) => emojiConcepts().find((concept) => concept.heldOut === split)!

describe('assignSplit', () => {
  it('sends held-out concepts of training vendors to their splits', () => {
    for (const split of ['val-composition', 'test-composition', 'val-concept', 'test-concept']) {
      expect(assignSplit('train', [unseen(split)])?.split).toBe(split)
    }
  })

  it('labels a training picture with its training concepts only', () => {
    const shared = [unseen('test-composition'), seen[5]!]
    expect(assignSplit('train', shared)).toEqual({ split: 'train', concepts: [seen[5]] })
    expect(assignSplit('extra', shared)).toEqual({ split: 'extra', concepts: [seen[5]] })
  })

  it('keeps every right answer of a test picture', () => {
    const shared = [unseen('test-composition'), seen[5]!]
    expect(assignSplit('test-style', shared)).toEqual({ split: 'test-style', concepts: shared })
    expect(assignSplit('test-style', [unseen('test-concept')])?.split).toBe('test-style+held-out')
  })

  it('takes no colour name from a style without colours', () => {
    const redHeart = emojiConcepts().filter((concept) => concept.caption === 'red heart')
    expect(assignSplit('train', redHeart)?.split).toBe('train')
    expect(assignSplit('extra', redHeart)).toBeNull()
  })

  it('leaves out what would be in two splits', () => {
    expect(assignSplit('train', [unseen('val-composition'), unseen('test-composition')])).toBeNull()
    expect(assignSplit('val-style', [unseen('test-concept')])).toBeNull()
  })
})
