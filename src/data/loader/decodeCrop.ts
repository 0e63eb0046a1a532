import type { Sharp } from 'sharp'
import { ImageError } from '../../errors.js'
import { MAX_PIXELS } from '../../image/limits.js'
import { layOnWhite, type RawImage } from '../../image/rawImage.js'
import type { RgbPicture } from '../../image/resize.js'
import { jpegSize, type PictureSize } from './jpegSize.js'
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
  const { default: sharp } = await loadSharp()
  const open = () => sharp(bytes, { limitInputPixels: MAX_PIXELS, pages: 1 })
  const { width, height } = jpegSize(bytes) ?? (await uprightSize(bytes, open()))
  return {
    width,
    height,
    async decode(crop, { size, mirror }) {
      const upright = open().autoOrient()
      // Of the whole picture, the decoder of JPEG itself can make a smaller one.
      const isWhole = crop.width === width && crop.height === height
      const { data, info } = await (isWhole ? upright : upright.extract(crop))
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

let loading: Promise<typeof import('sharp')> | undefined

/** Native, so loaded when it is needed; once, for an import takes its time even where the module is there. */
function loadSharp(): Promise<typeof import('sharp')> {
  loading ??= import('sharp')
  return loading
}

async function uprightSize(bytes: Uint8Array, image: Sharp): Promise<PictureSize> {
  const { autoOrient } = await image.metadata().catch((cause: Error) => undecodable(bytes, cause))
  return autoOrient
}

/** The whole picture, resized to a square on white. -> RGBA bytes, [side, side, 4]. @throws ImageError */
export async function decodeSquare(bytes: Uint8Array, side: number): Promise<Uint8Array> {
  const { width, height, decode } = await readHeader(bytes)
  const { rgb } = await decode({ left: 0, top: 0, width, height }, { size: side, mirror: false })
  const rgba = new Uint8Array(side * side * 4).fill(255)
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from]!
    rgba[to + 1] = rgb[from + 1]!
    rgba[to + 2] = rgb[from + 2]!
  }
  return rgba
}

function undecodable(bytes: Uint8Array, cause: Error): never {
  throw new ImageError(`cannot decode a picture of ${bytes.length} bytes: ${cause.message}`, { cause })
}
