import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DataError } from '../errors.js'
import type { Captions } from './readers/captionRecord.js'
import { type CocoImage, readCocoImages } from './readers/cocoAnnotations.js'

/** A picture of a folder with all that people said of it. */
export interface CaptionedImage {
  readonly id: number
  readonly path: string
  readonly captions: Captions
}

/**
 * Reads a folder with `captions.json` in COCO's format and the pictures in `images/`. Pictures come in the order of the
 * file; those without a caption are left out, as COCO's own readers do.
 *
 * @throws DataError naming the entry that is wrong: a file that is missing, a caption of no picture, an id used twice.
 */
export async function readCocoCaptions(folder: string): Promise<CaptionedImage[]> {
  const file = join(folder, 'captions.json')
  await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `cannot read ${file} (${cause.code}); expected a folder with captions.json in COCO's format and the pictures in images/`,
      { cause },
    )
  })
  const images = await readCocoImages(file)
  const present = await listPictures(folder)
  return images.map((image) => ({
    id: image.id,
    path: presentPicture(folder, image, present),
    captions: image.captions,
  }))
}

async function listPictures(folder: string): Promise<ReadonlySet<string>> {
  const images = join(folder, 'images')
  const found = await stat(images).catch((cause: unknown) => {
    throw new DataError(`${folder} has no folder images/`, { cause })
  })
  if (!found.isDirectory()) throw new DataError(`${images} is not a folder`)
  return new Set(await readdir(images))
}

/** A picture lies in images/ itself: a path in a data file must not reach the rest of the machine. */
function presentPicture(folder: string, { fileName, place }: CocoImage, present: ReadonlySet<string>): string {
  if (basename(fileName) !== fileName || fileName.includes('\\'))
    throw new DataError(`${place} is called ${JSON.stringify(fileName)}; expected a file name without folders`)
  if (!present.has(fileName)) throw new DataError(`${place} is images/${fileName}, which is not there`)
  return join(folder, 'images', fileName)
}
