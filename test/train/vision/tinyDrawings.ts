import type { EmojiPicture } from '../../../src/data/emoji/dataset.js'
import { PICTURE_SIZE } from '../../../src/data/emoji/render.js'
import type { VendorId } from '../../../src/data/emoji/vendors.js'
import type { Drawings } from '../../../src/train/vision/batches.js'

const VENDORS = ['noto', 'twemoji', 'openmoji'] as const satisfies readonly VendorId[]
const FACES = ['1f600', '1f601', '1f602', '1f603', '1f604', '1f605'] as const
const TONES = ['1f3fb', '1f3fc', '1f3fd'] as const

function picture(vendor: VendorId, hexcode: string, concept: number, tone?: number): EmojiPicture {
  return {
    id: `${vendor}/${hexcode}`,
    vendor,
    split: 'train',
    hexcodes: [hexcode],
    captions: [hexcode],
    tags: [],
    concept,
    concepts: [concept],
    group: 'people',
    subgroup: concept < 3 ? 'face-smiling' : 'hand',
    skinTones: tone === undefined ? [] : [tone as 1],
    base: tone === undefined,
    directional: false,
  }
}

/** Six faces and a hand in three skin tones by each vendor, and one face that a single vendor draws. */
export const pictures: readonly EmojiPicture[] = [
  ...VENDORS.flatMap((vendor) => [
    ...FACES.map((hexcode, i) => picture(vendor, hexcode, i)),
    picture(vendor, '1f44b', 6),
    ...TONES.map((tone, i) => picture(vendor, `1f44b-${tone}`, 7 + i, i + 1)),
  ]),
  picture('noto', '1f60e', 20),
]

const validation = FACES.map((hexcode, i) => picture('emojione-v1', hexcode, i))
const all = [...pictures, ...validation]

/** A data set whose drawings are one grey each, which tells their number. */
export const tinyDrawings: Drawings = {
  split: (name) => (name === 'train' ? [...pictures] : name === 'val-style' ? validation : []),
  rgba: (drawing: EmojiPicture) =>
    new Uint8Array(PICTURE_SIZE * PICTURE_SIZE * 4).map((_, i) => (i % 4 === 3 ? 255 : 4 * all.indexOf(drawing))),
}
