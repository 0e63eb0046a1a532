import { ImageError } from '../../errors.js'
import { decodeImage } from '../../image/decode.js'

/** A picture's file as a shard or folder holds it. */
export interface PictureMember {
  readonly bytes: Uint8Array
  readonly suffix: string
  readonly width: number
  readonly height: number
}

/** Formats that every reader of shards opens, by sharp's names. */
const SUFFIXES: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  gif: 'gif',
  avif: 'avif',
  tiff: 'tif',
}

/**
 * The file as it is where its format is a common one, else (SVG) as PNG. Only its header is looked at: decoding every
 * picture would take most of the time, and `blip2 data inspect` does it.
 * @throws ImageError where that is no picture.
 */
export async function pictureMember(bytes: Uint8Array): Promise<PictureMember> {
  const { default: sharp } = await import('sharp')
  const { format, width, height, compression } = await sharp(bytes)
    .metadata()
    .catch((cause: Error) => {
      throw new ImageError(`cannot read the picture: ${cause.message}`, { cause })
    })
  const suffix = SUFFIXES[format === 'heif' && compression === 'av1' ? 'avif' : format]
  if (suffix !== undefined) return { bytes, suffix, width, height }
  const picture = await decodeImage(bytes)
  const raw = { width: picture.width, height: picture.height, channels: 3 as const }
  const png = await sharp(picture.rgb, { raw }).png().toBuffer()
  return { bytes: png, suffix: 'png', width: picture.width, height: picture.height }
}
