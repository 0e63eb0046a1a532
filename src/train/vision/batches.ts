import type { EmojiData, EmojiPicture } from '../../data/emoji/dataset.js'
import { PICTURE_SIZE } from '../../data/emoji/render.js'
import { type AugmentOptions, createAugmenter } from '../../image/augment.js'
import { float32, int64, type Value } from '../../runtime/index.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'

/** The classes that pictures are told apart by. */
export interface VisionLabels {
  readonly concepts: number
  readonly groups: number
  readonly concept: (picture: EmojiPicture) => number
  readonly group: (picture: EmojiPicture) => number
}

/** Dense class numbers for the concepts and subgroups that occur. */
export function visionLabels(pictures: readonly EmojiPicture[]): VisionLabels {
  const number = (key: (picture: EmojiPicture) => string | number) => {
    const classes = new Map([...new Set(pictures.map(key))].map((name, i) => [name, i]))
    return { size: classes.size, of: (picture: EmojiPicture) => classes.get(key(picture))! }
  }
  const concepts = number((picture) => picture.concept)
  const groups = number((picture) => picture.subgroup)
  return { concepts: concepts.size, groups: groups.size, concept: concepts.of, group: groups.of }
}

/**
 * Augmented batches, each a function of the seed and the step alone: every picture once an epoch, in an order of the
 * epoch's own; an incomplete batch at the end of an epoch is filled from the next.
 */
export function visionBatches(
  data: EmojiData,
  pictures: readonly EmojiPicture[],
  labels: VisionLabels,
  options: { readonly batch: number; readonly seed: number; readonly augment: AugmentOptions },
): (step: number) => Record<string, Value> {
  const { batch, seed, augment } = options
  const { size } = augment
  const augmenter = createAugmenter(augment)
  const images = float32([batch, 3, size, size], new Float32Array(batch * 3 * size * size))
  const order = shuffledEpochs(pictures.length, seed)
  return (step) => {
    const random = new Random(seed, `views/${step}`)
    const chosen = Array.from({ length: batch }, (_, i) => pictures[order(step * batch + i)]!)
    chosen.forEach((picture, i) => {
      const source = { rgba: data.rgba(picture), size: PICTURE_SIZE }
      augmenter(source, !picture.directional, () => random.uniform(), images.data, i * 3 * size * size)
    })
    return {
      images,
      concepts: int64([batch], chosen.map(labels.concept)),
      groups: int64([batch], chosen.map(labels.group)),
    }
  }
}
