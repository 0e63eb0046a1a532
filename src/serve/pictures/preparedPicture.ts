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

/** sharp's names. SVG is a program that draws, so a server does not take it from strangers. */
const FORMATS: readonly (string | undefined)[] = ['jpeg', 'png', 'webp', 'gif', 'heif', 'tiff']

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
  const { default: sharp } = await import('sharp')
  const { format, width, height } = await sharp(bytes)
    .metadata()
    .catch((cause: Error) => {
      throw new ImageError(`cannot decode a picture of ${bytes.length} bytes: ${cause.message}`, { cause })
    })
  if (!FORMATS.includes(format))
    throw new ImageError(`expected a picture in JPEG, PNG, WebP, GIF, AVIF or TIFF, got ${format}`)
  if (width * height > maxPixels)
    throw new ImageError(
      `a picture of ${width} x ${height} has more than ${maxPixels / 1e6} million pixels; scale it down first`,
    )
  const data = resizeBicubic(await decodeImage(bytes, signal), imageSize)
  return { data, width: imageSize, height: imageSize, channels: 3 }
}
