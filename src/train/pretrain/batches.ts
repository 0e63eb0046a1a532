import type { CaptionedPictures } from '../../data/captionedPictures.js'
import { DataError } from '../../errors.js'
import { type AugmentOptions, createAugmenter } from '../../image/augment.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import { groupOfStep, type LengthGroup } from './lengthGroups.js'

/** One batch before it is encoded. The images are overwritten by the next batch. */
export interface CaptionBatch {
  /** [batch, 3, size, size], normalised */
  readonly images: Float32Array
  readonly captions: readonly string[]
  readonly imageIds: readonly number[]
  /** Length of the texts, where the pictures are grouped by it. */
  readonly tokens?: number
  /** For whatever else the step draws. */
  readonly random: Random
}

export interface CaptionBatchOptions {
  readonly batch: number
  readonly seed: number
  readonly augment: AugmentOptions
  /** Pictures of one batch come from one group. */
  readonly groups?: readonly LengthGroup[]
}

/**
 * Augmented pictures with one of their captions each, as a function of the seed and the step alone. Throws a DataError
 * where there is no picture.
 */
export function captionBatches(
  pictures: CaptionedPictures,
  { batch, seed, augment, groups }: CaptionBatchOptions,
): (step: number) => CaptionBatch {
  if (pictures.length === 0) throw new DataError('there is no picture to train on; expected at least one')
  const augmenter = createAugmenter(augment)
  const pixels = 3 * augment.size * augment.size
  const images = new Float32Array(batch * pixels)
  const choose = groups ? choiceByGroup(groups, batch, seed) : choice(pictures.length, batch, seed)
  return (step) => {
    const random = new Random(seed, `batch/${step}`)
    const { chosen, ...rest } = choose(step)
    const captions = chosen.map((index, i) => {
      augmenter(pictures.picture(index), pictures.mayMirror(index), () => random.uniform(), images, i * pixels)
      const all = pictures.captions(index)
      return all[random.integer(all.length)]!
    })
    return { images, captions, imageIds: chosen.map((index) => pictures.imageId(index)), random, ...rest }
  }
}

interface Choice {
  readonly chosen: readonly number[]
  readonly tokens?: number
}

function choice(pictures: number, batch: number, seed: number): (step: number) => Choice {
  const order = shuffledEpochs(pictures, seed)
  return (step) => ({ chosen: Array.from({ length: batch }, (_, i) => order(step * batch + i)) })
}

function choiceByGroup(groups: readonly LengthGroup[], batch: number, seed: number): (step: number) => Choice {
  const orders = new Map(groups.map((group) => [group, shuffledEpochs(group.pictures.length, seed + group.tokens)]))
  return (step) => {
    const { group, turn } = groupOfStep(groups, step)
    const order = orders.get(group)!
    const chosen = Array.from({ length: batch }, (_, i) => group.pictures[order(turn * batch + i)]!)
    return { chosen, tokens: group.tokens }
  }
}

/** Gumbel noise: the largest of scores plus noise is a draw from their softmax. */
export function gumbelNoise(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => -Math.log(-Math.log(1 - random.uniform())))
}
