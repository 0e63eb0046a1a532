import { ImageError } from '../../errors.js'
import { decodeImage } from '../../image/decode.js'
import type { RawImage } from '../../image/decode.js'
import { resizeBicubic } from '../../image/resize.js'

export interface PictureLimits {
  /** Side of the square that the model reads, in pixels. */
  readonly imageSize: number
  /** Larger pictures are refused before they are decoded. */
  readonly maxPixels: number
}

/**
 * How files of JPEG, PNG, GIF, WebP, AVIF and TIFF begin. Nothing else is given to a decoder: SVG is a program that
 * draws, so a server does not take it from strangers.
 */
const BEGINNINGS = /^(\xff\xd8\xff|\x89PNG\r\n|GIF8|RIFF....WEBP|....ftyp|II[*+]|MM.[*+])/s

/**
 * The bytes of a file as the model reads it: decoded, upright, on white, imageSize x imageSize RGB. The model's own
 * resizing leaves it as it is, and waiting requests hold no large pictures.
 *
 * @throws ImageError for what is no picture, is too large, or has a format that is not served.
 */
export async function preparePicture(
  bytes: Uint8Array,
  { imageSize, maxPixels }: PictureLimits,
  signal?: AbortSignal,
): Promise<RawImage> {
  if (!BEGINNINGS.test(Buffer.from(bytes.subarray(0, 16)).toString('latin1')))
    throw new ImageError(
      `cannot decode a picture of ${bytes.length} bytes: expected JPEG, PNG, WebP, GIF, AVIF or TIFF, whatever it is called`,
    )
  const { default: sharp } = await import('sharp')
  const { width, height } = await sharp(bytes)
    .metadata()
    .catch((cause: Error) => {
      throw new ImageError(`cannot decode a picture of ${bytes.length} bytes: ${cause.message}`, { cause })
    })
  if (width * height > maxPixels)
    throw new ImageError(
      `a picture of ${width} x ${height} has more than ${maxPixels / 1e6} million pixels; scale it down first`,
    )
  const data = resizeBicubic(await decodeImage(bytes, signal), imageSize)
  return { data, width: imageSize, height: imageSize, channels: 3 }
}
