import { DataError } from '../errors.js'
import type { RgbaPicture } from '../image/affineSampler.js'
import { type PicturePlace, pictureBytes, placeName } from './bytes/pictureBytes.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { namesDirection } from './direction.js'
import { isBrokenPicture } from './loader/brokenPicture.js'
import { decodeSquare } from './loader/decodeCrop.js'

/** A picture that lies in a file, with what is said of it. */
export interface StoredPicture {
  readonly place: PicturePlace
  readonly captions: readonly string[]
  readonly imageId: number
  /** Whether its views get RandAugment. Default false. */
  readonly randAugment?: boolean
}

/** Which pictures come, and how often. */
export interface PictureList {
  readonly pictures: readonly StoredPicture[]
  /** Places in `pictures` (default: each once). */
  readonly order?: Uint32Array
  /** Says which pictures and captions these are, and in which order. */
  readonly fingerprint: string
}

export interface DecodeOptions {
  /** Pictures are decoded to squares of this side, in pixels: side² x 4 bytes each. */
  readonly side: number
  /** Decoded pictures are kept up to this. Default 1 GiB. */
  readonly memoryBytes?: number
  readonly signal?: AbortSignal
}

export const PICTURE_MEMORY_BYTES = 2 ** 30

/**
 * Pictures that are read and decoded when they are asked for, so that more of them can be trained on than memory holds.
 * The first ones that fit into `memoryBytes` stay; the others are decoded each time. None is replaced: in shuffled epochs
 * every picture is as likely to come next, and one that was just used is the least likely.
 *
 * A picture that can no longer be read or decoded is rejected with a DataError.
 */
export function storedPictures(list: PictureList, options: DecodeOptions): CaptionedPictures {
  const { side, memoryBytes = PICTURE_MEMORY_BYTES, signal } = options
  const { pictures, order, fingerprint } = list
  const room = Math.floor(memoryBytes / (4 * side * side))
  const kept = new Map<number, RgbaPicture>()
  const placeOf = (index: number) => (order ? order[index]! : index)
  const at = (index: number) => pictures[placeOf(index)]!

  const load = async (number: number): Promise<RgbaPicture> => {
    const picture = { rgba: await readSquare(pictures[number]!.place, side, signal), size: side }
    if (kept.size < room) kept.set(number, picture)
    return picture
  }
  return {
    length: order ? order.length : pictures.length,
    picture: (index) => kept.get(placeOf(index)) ?? load(placeOf(index)),
    mayMirror: (index) => !at(index).captions.some(namesDirection),
    randAugment: (index) => at(index).randAugment ?? false,
    captions: (index) => at(index).captions,
    imageId: (index) => at(index).imageId,
    fingerprint,
  }
}

async function readSquare(place: PicturePlace, side: number, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted()
  try {
    return await decodeSquare(await pictureBytes(place, signal), side)
  } catch (cause) {
    if (!isBrokenPicture(cause)) throw cause
    throw new DataError(
      `${placeName(place)} could be read when the training was opened, and now it cannot: ${cause.message}`,
      { cause },
    )
  }
}
