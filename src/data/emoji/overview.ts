import { contactSheet } from '../../image/contactSheet.js'
import type { EmojiData, EmojiPicture } from './dataset.js'
import { PICTURE_SIZE } from './render.js'
import { EMOJI_SPLITS, type EmojiSplit } from './splits.js'
import type { VendorId } from './vendors.js'

/** Pictures of one split: all, and by vendor. */
export interface SplitCount {
  split: EmojiSplit
  pictures: number
  concepts: number
  byVendor: Partial<Record<VendorId, number>>
}

/** Counts the loaded pictures by split and vendor; splits without a picture are left out. */
export function countPictures(data: EmojiData): SplitCount[] {
  return EMOJI_SPLITS.flatMap((split) => {
    const pictures = data.split(split)
    if (pictures.length === 0) return []
    const byVendor: Partial<Record<VendorId, number>> = {}
    for (const { vendor } of pictures) byVendor[vendor] = (byVendor[vendor] ?? 0) + 1
    const concepts = new Set(pictures.flatMap((picture) => picture.concepts)).size
    return [{ split, pictures: pictures.length, concepts, byVendor }]
  })
}

/**
 * A contact sheet of the data set, PNG: one column a concept and one row a vendor, so that a drawing joined to the wrong
 * name stands out. Concepts are spread evenly over those that most vendors draw.
 *
 * @param columns concepts shown; default 16
 */
export async function overviewSheet(data: EmojiData, columns = 16): Promise<Buffer> {
  const vendors = [...new Set(data.pictures.map(({ vendor }) => vendor))]
  const byConcept = new Map<number, EmojiPicture[]>()
  for (const picture of data.pictures) {
    byConcept.set(picture.concept, [...(byConcept.get(picture.concept) ?? []), picture])
  }
  const drawnByMost = [...byConcept.values()].filter((pictures) => pictures.length >= 0.8 * vendors.length)
  const count = Math.min(columns, drawnByMost.length)
  const shown = Array.from(
    { length: count },
    (_, i) => drawnByMost[Math.floor(((i + 0.5) * drawnByMost.length) / count)]!,
  )
  const cells = vendors.flatMap((vendor) =>
    shown.map((pictures) =>
      cellOf(
        data,
        vendor,
        pictures.find((picture) => picture.vendor === vendor),
      ),
    ),
  )
  return contactSheet(cells, { columns: shown.length })
}

function cellOf(data: EmojiData, vendor: VendorId, picture: EmojiPicture | undefined) {
  const rgba = picture === undefined ? new Uint8Array(PICTURE_SIZE ** 2 * 4) : data.rgba(picture)
  return { rgba, size: PICTURE_SIZE, label: picture === undefined ? `(${vendor})` : picture.captions[0]! }
}
