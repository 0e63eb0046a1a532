import { DataError } from '../errors.js'
import { decodeImage } from '../image/decode.js'
import { type RgbPicture, resizeBicubic } from '../image/resize.js'
import { readCaptionedImages } from './captionedImages.js'
import type { CaptionedPictures } from './captionedPictures.js'
import { namesDirection } from './direction.js'

export interface OpenCaptionFolderOptions {
  /** Pictures are kept in memory as squares of this side, in pixels: side² x 4 bytes each. */
  readonly side: number
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * A folder of captioned pictures for training: all pictures are decoded once, at a size that augmentation crops from. A picture
 * that cannot be decoded stops the opening with its name (DataError).
 */
export async function openCaptionFolder(folder: string, options: OpenCaptionFolderOptions): Promise<CaptionedPictures> {
  const { side, onProgress, signal } = options
  const images = await readCaptionedImages(folder)
  const pixels: Uint8Array[] = []
  for (const image of images) {
    signal?.throwIfAborted()
    pixels.push(await squarePixels(image.path, side))
    onProgress?.(pixels.length, images.length)
  }
  return {
    length: images.length,
    picture: (index) => ({ rgba: pixels[index]!, size: side }),
    mayMirror: (index) => !images[index]!.captions.some(namesDirection),
    captions: (index) => images[index]!.captions,
    imageId: (index) => images[index]!.id,
  }
}

/** Decodes a picture for training, see opaqueSquare. @throws DataError where it cannot be decoded */
export async function squarePixels(path: string, side: number): Promise<Uint8Array> {
  const picture = await decodeImage(path).catch((cause: Error) => {
    throw new DataError(`${path} cannot be trained on: ${cause.message}`, { cause })
  })
  return opaqueSquare(picture, side)
}

/** A picture resized to a square, opaque: RGBA [side, side, 4]. */
export function opaqueSquare(picture: RgbPicture, side: number): Uint8Array {
  const rgb = resizeBicubic(picture, side)
  const rgba = new Uint8Array(side * side * 4).fill(255)
  for (let i = 0; i < side * side; i++) rgba.set(rgb.subarray(i * 3, i * 3 + 3), i * 4)
  return rgba
}
