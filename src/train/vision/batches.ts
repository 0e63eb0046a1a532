import type { EmojiData, EmojiPicture } from '../../data/emoji/dataset.js'
import { PICTURE_SIZE } from '../../data/emoji/render.js'
import { ConfigError, DataError } from '../../errors.js'
import { type AugmentOptions, createAugmenter } from '../../image/augment.js'
import { float32, int64, type Value } from '../../runtime/index.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import { VISION_TARGETS, type VisionTarget } from './objective.js'

/** What a training needs of the data set. */
export type Drawings = Pick<EmojiData, 'split' | 'rgba'>

/** Class numbers of pictures for each target of the training. */
export interface VisionLabels {
  readonly classes: Readonly<Record<VisionTarget, number>>
  readonly of: (picture: EmojiPicture) => Readonly<Record<VisionTarget, number>>
}

/** Concepts are taken without their skin tone, which is a target of its own. */
export function visionLabels(pictures: readonly EmojiPicture[]): VisionLabels {
  const keys: Record<VisionTarget, (picture: EmojiPicture) => string> = {
    concepts: toneless,
    groups: (picture) => picture.subgroup,
    tones: (picture) => picture.skinTones.join(),
  }
  const numbers = mapTargets((target) => new Map([...new Set(pictures.map(keys[target]))].map((key, i) => [key, i])))
  return {
    classes: mapTargets((target) => numbers[target].size),
    of: (picture) => mapTargets((target) => numbers[target].get(keys[target](picture))!),
  }
}

/** Part of a batch that pictures with a skin tone may take; they are half of all drawings but few of the concepts. */
const TONED_PART = 1 / 3

/**
 * Augmented batches, each a function of the seed and the step alone; its images are overwritten by the next one. The
 * second half shows the things of the first half as other vendors draw them (the same drawing seen anew, where only one
 * does). Throws a ConfigError for an odd batch, a DataError where all or none of the pictures have a skin tone.
 */
export function visionBatches(
  data: Drawings,
  pictures: readonly EmojiPicture[],
  labels: VisionLabels,
  options: { readonly batch: number; readonly seed: number; readonly augment: AugmentOptions },
): (step: number) => Record<string, Value> {
  const { batch, seed, augment } = options
  if (batch % 2 !== 0) throw new ConfigError(`a batch of pairs has an even size, got ${batch}`)
  const { size } = augment
  const augmenter = createAugmenter(augment)
  const images = float32([batch, 3, size, size], new Float32Array(batch * 3 * size * size))
  const half = batch / 2
  const toned = Math.round(half * TONED_PART)
  const parts = [
    anchors(
      pictures.filter(({ base }) => base),
      half - toned,
      seed,
    ),
    anchors(
      pictures.filter(({ base }) => !base),
      toned,
      seed + 1,
    ),
  ]
  const drawings = groupBy(pictures, (picture) => `${toneless(picture)} ${picture.skinTones.join()}`)
  return (step) => {
    const random = new Random(seed, `views/${step}`)
    const first = parts.flatMap((next) => next(step))
    const chosen = [...first, ...first.map((picture) => otherDrawing(picture, drawings(picture), random))]
    chosen.forEach((picture, i) => {
      const source = { rgba: data.rgba(picture), size: PICTURE_SIZE }
      augmenter(source, !picture.directional, () => random.uniform(), images.data, i * 3 * size * size)
    })
    const targets = chosen.map(labels.of)
    const inputs = mapTargets((target) =>
      int64(
        [batch],
        targets.map((row) => row[target]),
      ),
    )
    return { images, ...inputs }
  }
}

/** `count` pictures a step, each of them once an epoch. */
function anchors(pictures: readonly EmojiPicture[], count: number, seed: number) {
  if (pictures.length === 0)
    throw new DataError('expected drawings both with and without a skin tone to train on; load more vendors')
  const order = shuffledEpochs(pictures.length, seed)
  return (step: number) => Array.from({ length: count }, (_, i) => pictures[order(step * count + i)]!)
}

function otherDrawing(picture: EmojiPicture, drawings: readonly EmojiPicture[], random: Random): EmojiPicture {
  const others = drawings.filter(({ vendor }) => vendor !== picture.vendor)
  return others.length === 0 ? picture : others[random.integer(others.length)]!
}

function groupBy(pictures: readonly EmojiPicture[], key: (picture: EmojiPicture) => string) {
  const groups = new Map<string, EmojiPicture[]>()
  for (const picture of pictures) groups.set(key(picture), [...(groups.get(key(picture)) ?? []), picture])
  return (picture: EmojiPicture) => groups.get(key(picture))!
}

/** The hexcode of what is drawn, without skin tone modifiers. */
const toneless = ({ hexcodes }: EmojiPicture): string => hexcodes[0]!.replace(/-1f3f[b-f]/g, '')

function mapTargets<T>(value: (target: VisionTarget) => T): Record<VisionTarget, T> {
  return Object.fromEntries(VISION_TARGETS.map((target) => [target, value(target)])) as Record<VisionTarget, T>
}
