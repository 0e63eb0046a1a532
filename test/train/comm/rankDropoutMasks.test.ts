import { describe, expect, it } from 'vitest'
import { ConfigError, ShapeError } from '../../../src/errors.js'
import { RankDropoutMasks } from '../../../src/train/comm/rankDropoutMasks.js'
import { rankShare } from '../../../src/train/comm/rankShare.js'
import { DropoutMasks } from '../../../src/train/random/dropoutMasks.js'

/** A dropout of `blocks` blocks of samples, each of 3 x 7 values: nothing falls on a boundary of the kernel. */
const site = (name: string, samples: number, blocks: number) => {
  const shape = [blocks * samples, 3, 7]
  return { name, shape, size: blocks * samples * 21, probability: 0.3 }
}

describe('the dropout masks of a rank', () => {
  it('are those of its samples in the whole batch', () => {
    const [batch, ranks] = [15, 3]
    const whole = new DropoutMasks(5, [site('one', batch, 1), site('three', batch, 3)])
    for (let rank = 0; rank < ranks; rank++) {
      const share = rankShare({ rank, size: ranks }, batch)
      const masks = new RankDropoutMasks(5, [site('one', share.own, 1), site('three', share.own, 3)], share)
      for (const step of [0, 9]) {
        whole.fill(step)
        const own = masks.fill(step)
        for (const [name, blocks] of [
          ['one', 1],
          ['three', 3],
        ] as const) {
          const rows = (block: number) => {
            const start = (block * batch + share.first) * 21
            return [...whole.mask(name).subarray(start, start + share.own * 21)]
          }
          const expected = Array.from({ length: blocks }, (_, block) => rows(block)).flat()
          expect([...own[name]!.data]).toEqual(expected)
        }
      }
    }
  })

  it('are refused where samples do not come first, and for a batch that cannot be shared', () => {
    const share = rankShare({ rank: 0, size: 2 }, 8)
    expect(() => new RankDropoutMasks(1, [site('odd', 3, 1)], share)).toThrow(ShapeError)
    expect(() => rankShare({ rank: 0, size: 3 }, 8)).toThrow(ConfigError)
  })
})
