import { createHash } from 'node:crypto'
import { decodeSquare } from './loader/decodeCrop.js'
import { type PicturePlace, pictureBytes } from './bytes/pictureBytes.js'
import type { StoredPicture } from './storedPictures.js'

/** Pictures examined at a time: addresses answer slowly. */
export const EXAMINED_AT_A_TIME = 16

/** Small enough that a JPEG is decoded at an eighth of its size, which still reads all of its data. */
const SIDE = 16

/**
 * Reads a picture's file and decodes it once, small: a picture that passes can be trained on.
 * @returns SHA-256 of its bytes.
 * @throws DataError or ImageError where it cannot be read or decoded.
 */
export async function examinePicture(place: PicturePlace, signal?: AbortSignal): Promise<Buffer> {
  const bytes = await pictureBytes(place, signal)
  await decodeSquare(bytes, SIDE)
  return createHash('sha256').update(bytes).digest()
}

/** Hash of pictures, what is said of them and how they are augmented, in their order, wherever they lie. */
export class PictureHash {
  readonly #hash = createHash('sha256')

  /** @param digest of the picture's file */
  add({ captions, imageId, randAugment }: Omit<StoredPicture, 'place'>, digest: Buffer): void {
    const said = [imageId, captions, ...(randAugment ? ['RandAugment'] : [])]
    this.#hash.update(`${JSON.stringify(said)}\n`).update(digest)
  }

  /** Ends the hash, with how often each comes. */
  end(order: Uint32Array = new Uint32Array()): string {
    return this.#hash.update(order).digest('hex')
  }
}
