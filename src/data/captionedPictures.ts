import type { RgbaPicture } from '../image/affineSampler.js'
import type { EmojiData, EmojiPicture } from './emoji/dataset.js'
import { PICTURE_SIZE } from './emoji/render.js'
import type { SceneSet } from './scenes/sceneSet.js'

/** Pictures with their captions, as training reads them: by number, in any order. */
export interface CaptionedPictures {
  readonly length: number
  /** At once, or when it is read and decoded. */
  picture(index: number): RgbaPicture | Promise<RgbaPicture>
  /** Whether a mirrored picture still shows what the captions say. */
  mayMirror(index: number): boolean
  /** Whether its views get RandAugment(2, 5) as well (default: none do). */
  randAugment?(index: number): boolean
  /** Each of them is true of the picture. */
  captions(index: number): readonly string[]
  /** Pictures with the same number show the same thing: their captions are no negatives of each other. */
  imageId(index: number): number
  /** Says what all of the above is, where it is known without looking at every picture again. */
  readonly fingerprint?: string
}

/** Drawings of the embedded data set with their CLDR names. */
export function emojiCaptions(data: EmojiData, pictures: readonly EmojiPicture[]): CaptionedPictures {
  return {
    length: pictures.length,
    picture: (index) => ({ rgba: data.rgba(pictures[index]!), size: PICTURE_SIZE }),
    mayMirror: (index) => !pictures[index]!.directional,
    captions: (index) => pictures[index]!.captions,
    imageId: (index) => pictures[index]!.concept,
  }
}

/** Scenes with all their captions. */
export const sceneCaptions = (scenes: SceneSet): CaptionedPictures => ({
  length: scenes.length,
  picture: (index) => scenes.picture(index),
  // They say left and right.
  mayMirror: () => false,
  captions: (index) => scenes.captions(index),
  imageId: (index) => index,
  fingerprint: scenes.fingerprint,
})
