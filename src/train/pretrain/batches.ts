import type { CaptionedPictures } from '../../data/captionedPictures.js'
import { type FixedViews, type ViewPlace, viewRandom } from '../../data/featureCache/fixedViews.js'
import { createViewWriter } from '../../data/pictureViews.js'
import { DataError } from '../../errors.js'
import type { RgbaPicture } from '../../image/affineSampler.js'
import type { AugmentOptions, RandomSource } from '../../image/augment.js'
import { type RankShare, rankShare } from '../comm/rankShare.js'
import { Random } from '../random/random.js'
import { shuffledEpochs } from '../random/shuffledEpochs.js'
import { groupOfStep, type LengthGroup } from './lengthGroups.js'

/** One batch before it is encoded. The images are overwritten by the next batch. */
export interface CaptionBatch {
  /** The rank's own, [own, 3, size, size], normalised; empty where none are rendered. */
  readonly images: Float32Array
  /** The rank's own, where views are fixed. */
  readonly views: readonly ViewPlace[]
  /** Of the whole batch, like `imageIds`. */
  readonly captions: readonly string[]
  readonly imageIds: readonly number[]
  /** Captions of any pictures of the group, drawn with the batch. */
  readonly distractors: readonly Caption[]
  /** Length of the texts, where the pictures are grouped by it. */
  readonly tokens?: number
  /** For whatever else the step draws. */
  readonly random: Random
}

/** A caption, and the number of what it describes. */
export interface Caption {
  readonly caption: string
  readonly imageId: number
}

export interface CaptionBatchOptions {
  readonly batch: number
  readonly seed: number
  readonly augment: AugmentOptions
  /** The rank's part of each batch (default: all of it). */
  readonly share?: RankShare
  /** Captions drawn besides those of the batch's pictures. Default 0. */
  readonly distractors?: number
  /** Pictures of one batch come from one group. */
  readonly groups?: readonly LengthGroup[]
  /** One of these is drawn for each sample, instead of a new view. */
  readonly views?: FixedViews
  /** Whether fixed views are rendered (default), or only named. */
  readonly render?: boolean
}

/**
 * Augmented pictures with one of their captions each, as a function of the seed and the step alone: whatever the number
 * of ranks, a sample is the same. While a step computes, the pictures of the one after it are read. Throws a DataError
 * where there is no picture.
 */
export function captionBatches(
  pictures: CaptionedPictures,
  {
    batch,
    seed,
    augment,
    share = rankShare({ rank: 0, size: 1 }, batch),
    distractors: distractorCount = 0,
    groups,
    views,
    render = true,
  }: CaptionBatchOptions,
): (step: number) => Promise<CaptionBatch> {
  if (pictures.length === 0) throw new DataError('there is no picture to train on; expected at least one')
  const writeView = createViewWriter(pictures, augment)
  const skip = viewSkipper(pictures, augment)
  const pixels = 3 * augment.size * augment.size
  const images = new Float32Array(render ? share.own * pixels : 0)
  const choose = groups ? choicesByGroup(groups, batch, seed) : choices(pictures.length, batch, seed)
  const read = readingAhead(choose, async ({ chosen }) => {
    const own = render ? chosen.slice(share.first, share.first + share.own) : []
    return Promise.all(own.map(async (index) => pictures.picture(index)))
  })
  return async (step) => {
    const { choice, loaded } = await read(step)
    const random = new Random(seed, `batch/${step}`)
    const uniform = () => random.uniform()
    const { chosen, group, ...rest } = choice
    const own: ViewPlace[] = []
    const draw = (index: number, place: number, source: RandomSource) =>
      writeView(index, loaded[place]!, source, images, place * pixels)
    const captionOf = (index: number): string => {
      const all = pictures.captions(index)
      return all[random.integer(all.length)]!
    }
    const captions = chosen.map((index, i) => {
      const place = i - share.first
      const isOwn = place >= 0 && place < share.own
      if (views) {
        const view = { picture: index, view: random.integer(views.count) }
        if (isOwn) own.push(view)
        if (isOwn && render) draw(index, place, viewRandom(views, view))
      } else if (isOwn) draw(index, place, uniform)
      else skip(index, uniform)
      return captionOf(index)
    })
    const imageIds = chosen.map((index) => pictures.imageId(index))
    const distractors = Array.from({ length: distractorCount }, () => {
      const index = group ? group[random.integer(group.length)]! : random.integer(pictures.length)
      return { caption: captionOf(index), imageId: pictures.imageId(index) }
    })
    return { images, views: own, captions, imageIds, distractors, random, ...rest }
  }
}

/** Draws what a view of another rank's picture takes, and hardly more: a view of one pixel, of a picture of one pixel. */
function viewSkipper(
  pictures: CaptionedPictures,
  augment: AugmentOptions,
): (index: number, random: RandomSource) => void {
  const writeView = createViewWriter(pictures, { ...augment, size: 1 })
  const picture = { rgba: new Uint8Array(4), size: 1 }
  const view = new Float32Array(3)
  return (index, random) => writeView(index, picture, random, view)
}

interface Choice {
  readonly chosen: readonly number[]
  /** The pictures that they were chosen from (default: all). */
  readonly group?: readonly number[]
  readonly tokens?: number
}

/** What `choose` gives for a step with what `load` makes of it, which is begun one step ahead. */
function readingAhead(
  choose: (step: number) => Choice,
  load: (choice: Choice) => Promise<RgbaPicture[]>,
): (step: number) => Promise<{ readonly choice: Choice; readonly loaded: readonly RgbaPicture[] }> {
  const begin = (step: number) => {
    const choice = choose(step)
    const loading = load(choice)
    // It is awaited in its turn, if at all; until then a failure must not count as unhandled.
    loading.catch(() => undefined)
    return { step, choice, loading }
  }
  let ahead: ReturnType<typeof begin> | undefined
  return async (step) => {
    const { choice, loading } = ahead?.step === step ? ahead : begin(step)
    const loaded = await loading
    ahead = begin(step + 1)
    return { choice, loaded }
  }
}

function choices(pictures: number, batch: number, seed: number): (step: number) => Choice {
  const order = shuffledEpochs(pictures, seed)
  return (step) => ({ chosen: Array.from({ length: batch }, (_, i) => order(step * batch + i)) })
}

function choicesByGroup(groups: readonly LengthGroup[], batch: number, seed: number): (step: number) => Choice {
  const orders = new Map(groups.map((group) => [group, shuffledEpochs(group.pictures.length, seed + group.tokens)]))
  return (step) => {
    const { group, turn } = groupOfStep(groups, step)
    const order = orders.get(group)!
    const chosen = Array.from({ length: batch }, (_, i) => group.pictures[order(turn * batch + i)]!)
    return { chosen, group: group.pictures, tokens: group.tokens }
  }
}

/**
 * Gumbel noise for the rank's rows of a square of all samples: the largest of scores plus noise is a draw from their
 * softmax. The other rows are drawn as well, so that each is the same on any number of ranks. -> [own, columns]
 */
export function gumbelNoise(random: Random, { all, own, first }: RankShare, columns = all): Float32Array {
  const skip = (rows: number) => {
    for (let i = 0; i < rows * columns; i++) random.uniform()
  }
  skip(first)
  const noise = Float32Array.from({ length: own * columns }, () => -Math.log(-Math.log(1 - random.uniform())))
  skip(all - first - own)
  return noise
}
