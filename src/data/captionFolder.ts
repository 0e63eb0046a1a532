import { DataError } from '../errors.js'
import { decodeImage } from '../image/decode.js'
import { resizeBicubic } from '../image/resize.js'
import { readCaptionedImages } from './captionedImages.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { EXAMINED_AT_A_TIME, examinePicture, PictureHash } from './examinedPicture.js'
import { mapAhead } from './mapAhead.js'
import { type DecodeOptions, type StoredPicture, storedPictures } from './storedPictures.js'

export interface OpenCaptionFolderOptions extends DecodeOptions {
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * A folder of captioned pictures for training: each is read once to see that it can be, and decoded when it is asked for
 * (see storedPictures). A picture that cannot be decoded stops the opening with its name (DataError).
 */
export async function openCaptionFolder(folder: string, options: OpenCaptionFolderOptions): Promise<CaptionedPictures> {
  const { onProgress, signal } = options
  const images = await readCaptionedImages(folder)
  const pictures: StoredPicture[] = []
  const hash = new PictureHash()
  const examined = mapAhead(images, EXAMINED_AT_A_TIME, async ({ path, captions, id }) => {
    signal?.throwIfAborted()
    const digest = await examinePicture(path, signal).catch((cause: Error) => untrainable(path, cause))
    return { picture: { place: path, captions, imageId: id }, digest }
  })
  for await (const { picture, digest } of examined) {
    pictures.push(picture)
    hash.add(picture, digest)
    onProgress?.(pictures.length, images.length)
  }
  return storedPictures({ pictures, fingerprint: hash.end() }, options)
}

/** Decodes a picture for training: RGBA [side, side, 4], opaque. @throws DataError where it cannot be decoded */
export async function squarePixels(path: string, side: number): Promise<Uint8Array> {
  const picture = await decodeImage(path).catch((cause: Error) => untrainable(path, cause))
  const rgb = resizeBicubic(picture, side)
  const rgba = new Uint8Array(side * side * 4).fill(255)
  for (let i = 0; i < side * side; i++) rgba.set(rgb.subarray(i * 3, i * 3 + 3), i * 4)
  return rgba
}

function untrainable(path: string, cause: Error): never {
  throw new DataError(`${path} cannot be trained on: ${cause.message}`, { cause })
}
