import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../../errors.js'
import { replaceFile } from '../../weights/replaceFile.js'
import type { EmojiData, EmojiPicture } from './dataset.js'
import { attributionNotice } from './notice.js'
import { PICTURE_SIZE } from './render.js'
import type { EmojiSplit } from './splits.js'
import { VENDORS, type VendorId } from './vendors.js'

export interface ExportOptions {
  /** Side of the written pictures in pixels; default 80, the size they are stored in. */
  size?: number
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** The official COCO captions format, with the fields that its readers use. */
export interface CocoCaptions {
  info: { description: string; version: string }
  licenses: { id: number; name: string; url: string }[]
  images: { id: number; file_name: string; width: number; height: number; license: number }[]
  annotations: { id: number; image_id: number; caption: string }[]
}

/**
 * Writes a split as a folder that any reader of COCO captions opens: `captions.json`, `images/*.png` on a white ground
 * and a NOTICE with the sources. Every acceptable caption of a picture is an annotation. `captions.json` comes last, so
 * a folder that has it is whole.
 *
 * @throws DataError when the loaded vendors have no picture in the split.
 */
export async function exportCocoCaptions(
  data: EmojiData,
  split: EmojiSplit,
  directory: string,
  options: ExportOptions = {},
): Promise<CocoCaptions> {
  const { size = PICTURE_SIZE, onProgress, signal } = options
  const pictures = data.split(split)
  if (pictures.length === 0) throw new DataError(`No picture of the loaded vendors is in the split "${split}"`)
  const captions = describe(split, pictures, size)
  const { default: sharp } = await import('sharp')

  await mkdir(join(directory, 'images'), { recursive: true })
  for (const [i, picture] of pictures.entries()) {
    signal?.throwIfAborted()
    await sharp(data.rgba(picture), { raw: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 } })
      .flatten({ background: '#ffffff' })
      .resize(size, size)
      .png()
      .toFile(join(directory, 'images', captions.images[i]!.file_name))
    onProgress?.(i + 1, pictures.length)
  }
  await writeFile(join(directory, 'NOTICE'), attributionNotice(vendorsOf(pictures).map((id) => VENDORS[id])))
  await replaceFile(join(directory, 'captions.json'), JSON.stringify(captions))
  return captions
}

function describe(split: EmojiSplit, pictures: readonly EmojiPicture[], size: number): CocoCaptions {
  const vendors = vendorsOf(pictures)
  const images = pictures.map((picture, i) => ({
    id: i + 1,
    file_name: `${picture.id.replace('/', '_')}.png`,
    width: size,
    height: size,
    license: vendors.indexOf(picture.vendor) + 1,
  }))
  const annotations = pictures
    .flatMap(({ captions }, i) => captions.map((caption) => ({ image_id: i + 1, caption })))
    .map((annotation, i) => ({ id: i + 1, ...annotation }))
  return {
    info: { description: `Emoji drawings with their CLDR names: split ${split}`, version: '1' },
    licenses: vendors.map((id, i) => ({ id: i + 1, name: VENDORS[id].licence, url: VENDORS[id].source })),
    images,
    annotations,
  }
}

function vendorsOf(pictures: readonly EmojiPicture[]): VendorId[] {
  return [...new Set(pictures.map(({ vendor }) => vendor))]
}
