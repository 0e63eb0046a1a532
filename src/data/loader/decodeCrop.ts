import { ImageError } from '../../errors.js'
import { MAX_PIXELS } from '../../image/limits.js'
import { layOnWhite, type RawImage } from '../../image/rawImage.js'
import type { RgbPicture } from '../../image/resize.js'
import type { Crop } from './randomCrop.js'

export interface DecodeCropOptions {
  /** Side of the square in pixels. */
  readonly size: number
  readonly mirror: boolean
}

/** An encoded picture whose size is known, upright. */
export interface PictureHeader {
  readonly width: number
  readonly height: number
  /** Decodes a part of it, resized to a square by a bicubic filter and laid on white. @throws ImageError */
  readonly decode: (crop: Crop, options: DecodeCropOptions) => Promise<RgbPicture>
}

/**
 * Reads the header of an encoded picture, to decode a crop of it in one go: several times faster than decoding, cropping
 * and resizing it as the published models' processor does, from which it differs by the rounding of the filter.
 *
 * @throws ImageError where it is no picture or too large.
 */
export async function readHeader(bytes: Uint8Array): Promise<PictureHeader> {
  const { default: sharp } = await import('sharp')
  const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, pages: 1 })
  const { autoOrient } = await image.metadata().catch((cause: Error) => undecodable(bytes, cause))
  const { width, height } = autoOrient
  return {
    width,
    height,
    async decode(crop, { size, mirror }) {
      const { data, info } = await image
        .clone()
        .autoOrient()
        .extract(crop)
        .resize(size, size, { fit: 'fill', kernel: 'cubic' })
        .flop(mirror)
        .toColourspace('srgb')
        .flatten({ background: '#ffffff' })
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true })
        .catch((cause: Error) => undecodable(bytes, cause))
      if (info.channels === 3) return { rgb: data, width: size, height: size }
      // A grey picture may stay one channel through the colour space.
      return layOnWhite({ data, width: size, height: size, channels: info.channels as RawImage['channels'] })
    },
  }
}

function undecodable(bytes: Uint8Array, cause: Error): never {
  throw new ImageError(`cannot decode a picture of ${bytes.length} bytes: ${cause.message}`, { cause })
}
