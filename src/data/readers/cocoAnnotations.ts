import { z } from 'zod'
import { DataError } from '../../errors.js'
import type { CaptionRecord } from './captionRecord.js'
import { checkEntry, jsonEntries } from './jsonEntries.js'
import { picturePath } from './picturePath.js'

const id = z.int()
const imageSchema = z.object({ id, file_name: z.string().min(1) })
const annotationSchema = z.object({ image_id: id, caption: z.string() })

/** A picture of a COCO annotation file that has captions. */
export interface CocoImage {
  readonly id: number
  readonly fileName: string
  readonly captions: CaptionRecord['captions']
  /** For messages: where the file lists it. */
  readonly place: string
}

/**
 * Reads COCO's own caption annotations (captions_train2017.json): `images` and `annotations`, joined by id. Images come
 * in the order of the file; those without a caption are left out, as COCO's own readers do.
 *
 * @throws DataError naming the line: an entry that is wrong, a caption of no image, an id used twice.
 */
export async function readCocoImages(file: string): Promise<CocoImage[]> {
  const images = new Map<number, { fileName: string; captions: string[]; place: string }>()
  const annotations: { imageId: number; caption: string; place: string }[] = []
  for await (const { array, value, place } of jsonEntries(file)) {
    if (array === 'images') {
      const image = checkEntry(imageSchema, value, place)
      if (images.has(image.id)) throw new DataError(`${place}: two images have the id ${image.id}`)
      images.set(image.id, { fileName: image.file_name, captions: [], place })
    } else if (array === 'annotations') {
      const { image_id, caption } = checkEntry(annotationSchema, value, place)
      annotations.push({ imageId: image_id, caption: caption.trim(), place })
    }
  }
  for (const { imageId, caption, place } of annotations) {
    const image = images.get(imageId)
    if (!image) throw new DataError(`${place} is a caption of image ${imageId}, which is not listed`)
    if (caption !== '') image.captions.push(caption)
  }
  const described = [...images].flatMap(([id, { fileName, captions, place }]): CocoImage[] => {
    const [first, ...others] = captions
    return first === undefined ? [] : [{ id, fileName, captions: [first, ...others], place }]
  })
  if (described.length === 0)
    throw new DataError(
      `${file}: no image has a caption; expected the lists "images" and "annotations" of COCO captions`,
    )
  return described
}

/** The same as records. @param images The folder of that split's pictures (train2017/). */
export async function readCocoRecords(file: string, images: string): Promise<CaptionRecord[]> {
  return (await readCocoImages(file)).map(({ id, fileName, captions, place }) => ({
    key: String(id),
    image: picturePath(images, fileName, place),
    captions,
  }))
}
