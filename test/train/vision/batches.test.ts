import { describe, expect, it } from 'vitest'
import type { EmojiPicture } from '../../../src/data/emoji/dataset.js'
import { ConfigError, DataError } from '../../../src/errors.js'
import { visionBatches, visionLabels } from '../../../src/train/vision/batches.js'
import { pictures, tinyDrawings } from './tinyDrawings.js'

// Without augmentation a batch holds each drawing's grey.
const SIZE = 8
// Far enough from the edges, where the ground shows.
const CENTRE = (SIZE / 2) * SIZE + SIZE / 2
const plain = {
  size: SIZE,
  mean: [0, 0, 0] as const,
  std: [1 / 255, 1 / 255, 1 / 255] as const,
  ...{ area: [1, 1] as const, aspect: [1, 1] as const, rotation: 0, translation: 0 },
  ...{ brightness: 0, contrast: 0, saturation: 0, hue: 0 },
}
const BATCH = 12
const labels = visionLabels(pictures)
const batches = (seed = 1, augment: Parameters<typeof visionBatches>[3]['augment'] = plain) =>
  visionBatches(tinyDrawings, pictures, labels, { batch: BATCH, seed, augment })

/** The drawings that a batch shows. */
function shown(inputs: ReturnType<ReturnType<typeof batches>>): EmojiPicture[] {
  const pixels = inputs['images']!.data as Float32Array
  return Array.from({ length: BATCH }, (_, row) => pictures[Math.round(pixels[row * 3 * SIZE * SIZE + CENTRE]! / 4)]!)
}

const snapshot = (inputs: ReturnType<ReturnType<typeof batches>>) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { data: values }]) => [name, [...values]]))

describe('labels', () => {
  it('take concepts without their skin tone, which is a target of its own', () => {
    expect(labels.classes).toEqual({ concepts: 8, groups: 2, tones: 4 })
    const [hand, light, dark] = [6, 7, 9].map((index) => labels.of(pictures[index]!))
    expect(light!.concepts).toBe(hand!.concepts)
    expect(new Set([hand!.tones, light!.tones, dark!.tones]).size).toBe(3)
  })
})

describe('a batch', () => {
  it('shows in its second half the same things by other vendors, or the same drawing where only one draws it', () => {
    const next = batches()
    let alone = 0
    for (let step = 0; step < 30; step++) {
      const all = shown(next(step))
      for (let row = 0; row < BATCH / 2; row++) {
        const [first, second] = [all[row]!, all[row + BATCH / 2]!]
        expect(second.hexcodes).toEqual(first.hexcodes)
        if (first.hexcodes[0] === '1f60e') alone++
        expect(second.vendor === first.vendor).toBe(first.hexcodes[0] === '1f60e')
      }
    }
    expect(alone).toBeGreaterThan(0)
  })

  it('labels every drawing as what it is', () => {
    const inputs = batches()(3)
    for (const target of ['concepts', 'groups', 'tones'] as const)
      expect([...(inputs[target]!.data as BigInt64Array)].map(Number)).toEqual(
        shown(inputs).map((drawing) => labels.of(drawing)[target]),
      )
  })

  it('gives a third of the first half to skin tones', () => {
    const next = batches()
    for (let step = 0; step < 5; step++) {
      const toned = shown(next(step)).map(({ base }) => !base)
      expect(toned.slice(0, BATCH / 2)).toEqual([false, false, false, false, true, true])
    }
  })

  it('follows an order that shows each drawing once an epoch', () => {
    const next = batches()
    // 22 drawings without a tone, 4 a step: 11 steps are two epochs.
    const anchors = Array.from({ length: 11 }, (_, step) => shown(next(step)).slice(0, 4)).flat()
    expect(new Set(anchors.slice(0, 22)).size).toBe(22)
    expect(new Set(anchors.slice(22)).size).toBe(22)
  })

  it('depends on the seed and the step alone, not on the steps before', () => {
    const augmented = { size: SIZE, mean: plain.mean, std: plain.std, grayscale: 0.2 }
    const [one, other] = [batches(1, augmented), batches(1, augmented)]
    const expected = [0, 1, 2].map((step) => snapshot(one(step)))
    expect([2, 0, 1].map((step) => snapshot(other(step)))).toEqual([expected[2], expected[0], expected[1]])
    expect(snapshot(batches(2, augmented)(0))).not.toEqual(expected[0])
  })
})

describe('what makes no batch', () => {
  it('is an odd size, or drawings all with a skin tone or all without', () => {
    const open = (of: readonly EmojiPicture[], batch: number) =>
      visionBatches(tinyDrawings, of, labels, { batch, seed: 1, augment: plain })
    expect(() => open(pictures, 7)).toThrow(ConfigError)
    expect(() =>
      open(
        pictures.filter(({ base }) => base),
        8,
      ),
    ).toThrow(DataError)
    expect(() => open([], 8)).toThrow(DataError)
  })
})
