import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../../errors.js'
import type { EmojiData, EmojiPicture } from './dataset.js'
import { vendorDrawings } from './join.js'
import { attributionNotice } from './notice.js'
import { VENDORS, type VendorId } from './vendors.js'

/** What the demonstration knows of one of its pictures; the list is its demo.json. */
export interface DemoPicture {
  file: string
  caption: string
  captions: readonly string[]
  vendor: VendorId
  licence: string
  attribution: string
  hexcode: string
}

/**
 * Varied subjects from the vendors that no model has trained on, none of them share-alike. Chosen for their variety, and
 * before any model was trained.
 */
const CHOSEN: readonly (readonly [VendorId, string])[] = [
  ['noto-v1', 'octopus'],
  ['noto-v1', 'woman firefighter'],
  ['noto-v1', 'guitar'],
  ['noto-v1', 'person surfing'],
  ['fxemoji', 'penguin'],
  ['fxemoji', 'hamburger'],
  ['fxemoji', 'roller coaster'],
  ['fxemoji', "four o'clock"],
  ['streamline', 'fire engine'],
  ['streamline', 'man astronaut'],
  ['streamline', 'sunflower'],
  ['streamline', 'snowman'],
]

/**
 * The twelve pictures of the demonstration.
 *
 * @throws DataError when their vendors are not loaded.
 */
export function chooseDemoPictures(data: EmojiData): EmojiPicture[] {
  return CHOSEN.map(([vendor, caption]) => {
    const picture = data.pictures.find((other) => other.vendor === vendor && other.captions.includes(caption))
    if (picture === undefined) throw new DataError(`The demo shows "${caption}" of ${vendor}; load that vendor`)
    return picture
  })
}

/** Writes the demonstration's pictures as PNG on white with demo.json and a NOTICE; drawn anew in the given size. */
export async function writeDemoPictures(data: EmojiData, directory: string, size = 128): Promise<DemoPicture[]> {
  const { default: sharp } = await import('sharp')
  await mkdir(directory, { recursive: true })
  const described: DemoPicture[] = []
  for (const picture of chooseDemoPictures(data)) {
    const vendor = VENDORS[picture.vendor]
    const hexcode = picture.hexcodes[0]!
    const drawing = vendorDrawings(vendor).find((other) => other.hexcode === hexcode)!
    const file = `${picture.vendor}-${picture.captions[0]!.replace(/[^a-z0-9]+/g, '-')}.png`
    await sharp(drawing.source(size))
      .resize(size, size, { fit: 'contain', background: '#ffffff' })
      .flatten({ background: '#ffffff' })
      .png({ palette: true, compressionLevel: 9 })
      .toFile(join(directory, file))
    const { licence, attribution } = vendor
    const { vendor: id, captions } = picture
    described.push({ file, caption: captions[0]!, captions, vendor: id, licence, attribution, hexcode })
  }
  await writeFile(join(directory, 'demo.json'), `${JSON.stringify(described, null, 2)}\n`)
  const sources = [...new Set(described.map(({ vendor }) => vendor))].map((id) => VENDORS[id])
  await writeFile(join(directory, 'NOTICE'), attributionNotice(sources))
  return described
}
