import { decodeImage, type ImageSource } from '../../image/decode.js'

const SIDE = 256
const QUALITY = 80

/** A small JPEG of a picture as a data: address, so that a page holds it itself. @throws ImageError */
export async function thumbnail(image: ImageSource): Promise<string> {
  const { rgb, width, height } = await decodeImage(image)
  const { default: sharp } = await import('sharp')
  const jpeg = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .toBuffer()
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`
}
