import { z } from 'zod'
import { DataError } from '../../errors.js'
import { isAddress } from '../bytes/byteSource.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { checkEntry, jsonEntries } from './jsonEntries.js'
import { pictureAddress } from './pictureAddress.js'
import { picturePath } from './picturePath.js'

const entrySchema = z.object({
  image: z.string().min(1).optional(),
  url: z.string().min(1).optional(),
  caption: z.union([z.string(), z.array(z.string())]),
})

/**
 * Reads the JSON lists that the authors publish and train from: `[{ "image" | "url", "caption" }]`. Those are the CapFilt
 * sets (ccs_synthetic_filtered_large.json), coco_karpathy_*.json and vg_caption.json. A list of captions is best first.
 * @param images The folder that paths in `image` start from.
 */
export async function* readAnnotationList(
  file: string,
  images: string,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  yield* toRecords(
    jsonEntries(file),
    ({ array, value, place }) => {
      if (array !== '') throw new DataError(`${place}: expected the file to be a list of { image or url, caption }`)
      const { image, url, caption } = checkEntry(entrySchema, value, place)
      const name = image ?? url
      if (name === undefined) throw new DataError(`${place}: expected an "image" or a "url", got neither`)
      const isUrl = image === undefined || isAddress(name)
      return {
        key: name,
        image: isUrl ? pictureAddress(name, place) : picturePath(images, name, place),
        captions: nonEmptyCaptions([caption].flat(), place),
      }
    },
    options,
  )
}
