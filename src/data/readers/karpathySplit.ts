import { z } from 'zod'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { checkEntry, jsonEntries } from './jsonEntries.js'
import { picturePath } from './picturePath.js'

const SPLITS = ['train', 'restval', 'val', 'test'] as const
export type KarpathySplit = (typeof SPLITS)[number]

const imageSchema = z.object({
  // Missing in the Flickr files of the same author.
  filepath: z.string().optional(),
  cocoid: z.int().optional(),
  imgid: z.int(),
  filename: z.string().min(1),
  split: z.enum(SPLITS),
  sentences: z.array(z.object({ raw: z.string() })),
})

export interface KarpathyOptions extends ReadOptions {
  /** Default: train and restval, the 113,287 pictures that the paper trains on. */
  readonly splits?: readonly KarpathySplit[]
}

/**
 * Reads Karpathy's splits of COCO, Flickr30k and Flickr8k (dataset_coco.json). Captions are the raw sentences.
 * @param images The folder that holds train2014/ and val2014/.
 */
export async function* readKarpathySplit(
  file: string,
  images: string,
  { splits = ['train', 'restval'], ...options }: KarpathyOptions = {},
): AsyncGenerator<CaptionRecord> {
  const toRecord = ({ array, value, place }: { array: string; value: unknown; place: string }) => {
    if (array !== 'images') return undefined
    const { filepath = '', cocoid, imgid, filename, split, sentences } = checkEntry(imageSchema, value, place)
    if (!splits.includes(split)) return undefined
    const captions = nonEmptyCaptions(
      sentences.map(({ raw }) => raw),
      place,
    )
    const name = filepath === '' ? filename : `${filepath}/${filename}`
    return { key: String(cocoid ?? imgid), image: picturePath(images, name, place), captions }
  }
  yield* toRecords(jsonEntries(file), toRecord, options)
}
