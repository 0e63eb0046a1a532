import { describe, expect, it } from 'vitest'
import type { CaptionedPictures } from '../../src/data/captionedPictures.js'
import { createViewWriter } from '../../src/data/pictureViews.js'
import { createAugmenter } from '../../src/image/augment.js'
import { rankShare } from '../../src/train/comm/rankShare.js'
import { captionBatches } from '../../src/train/pretrain/batches.js'
import { Random } from '../../src/train/random/random.js'

const SIZE = 8
const AUGMENT = { size: SIZE, mean: [0.48, 0.46, 0.41], std: [0.27, 0.26, 0.28] } as const
const picture = {
  size: 12,
  rgba: Uint8Array.from({ length: 12 * 12 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256)),
}

const uniform = (seed: number) => {
  const random = new Random(seed)
  return () => random.uniform()
}
/** The second picture asks for RandAugment. */
const pictures: CaptionedPictures = {
  length: 2,
  picture: () => picture,
  mayMirror: () => true,
  randAugment: (index) => index === 1,
  captions: (index) => [`number ${index}`],
  imageId: (index) => index,
}
function view(index: number, seed: number): Float32Array {
  const out = new Float32Array(3 * SIZE * SIZE)
  createViewWriter(pictures, AUGMENT)(index, picture, uniform(seed), out)
  return out
}
const seeds = Array.from({ length: 40 }, (_, seed) => seed)
/** Less than half of a byte's step, in the normalised values. */
const ROUNDING = 0.51 / 255 / 0.26
const isNear = (a: Float32Array, b: Float32Array) => a.every((value, i) => Math.abs(value - b[i]!) <= ROUNDING)

describe('a view', () => {
  it("is the augmenter's where the picture does not ask for more", () => {
    const expected = new Float32Array(3 * SIZE * SIZE)
    createAugmenter(AUGMENT)(picture, true, uniform(3), expected)
    expect(view(0, 3)).toEqual(expected)
  })

  it('is the same one with RandAugment where it does: a quarter of the views, and more, are left as they are', () => {
    const unchanged = seeds.filter((seed) => isNear(view(1, seed), view(0, seed))).length
    expect(unchanged).toBeGreaterThan(seeds.length / 4 - 4)
    expect(unchanged).toBeLessThan((3 * seeds.length) / 4)
    expect(view(1, 5)).toEqual(view(1, 5))
  })

  it('is written where it belongs, and draws as much whatever its size', () => {
    for (const index of [0, 1]) {
      const out = new Float32Array(5 + 3 * SIZE * SIZE).fill(9)
      createViewWriter(pictures, AUGMENT)(index, picture, uniform(7), out, 5)
      expect(out.slice(5)).toEqual(view(index, 7))
      expect(out.slice(0, 5)).toEqual(new Float32Array(5).fill(9))
      const [large, small] = [new Random(7), new Random(7)]
      createViewWriter(pictures, AUGMENT)(index, picture, () => large.uniform(), out)
      const one = { rgba: new Uint8Array(4), size: 1 }
      createViewWriter(pictures, { ...AUGMENT, size: 1 })(index, one, () => small.uniform(), new Float32Array(3))
      expect(small.uniform()).toBe(large.uniform())
    }
  })
})

it('the views of a batch are the same on one rank and on two', async () => {
  const options = { batch: 4, seed: 2, augment: AUGMENT }
  const pixels = 3 * SIZE * SIZE
  const whole = await captionBatches(pictures, options)(0)
  for (const rank of [0, 1]) {
    const half = await captionBatches(pictures, { ...options, share: rankShare({ rank, size: 2 }, 4) })(0)
    expect(half.images).toEqual(whole.images.slice(2 * rank * pixels, 2 * (rank + 1) * pixels))
    expect(half.captions).toEqual(whole.captions)
  }
})
