import { basename, join } from 'node:path'
import { DataError } from '../errors.js'
import { readCocoCaptions } from './cocoCaptions.js'

/** The files of a folder of questions: those that `blip2 data scenes` writes, in the VQA v2 format. */
export interface VqaFolder {
  readonly questions: string
  readonly annotations: string
  /** The picture of an id. @throws DataError for an id without a picture */
  readonly pictureOf: (imageId: number) => string
}

/**
 * A folder with `questions.json` and `annotations.json` in the VQA v2 format, `captions.json` in COCO's, which names the
 * picture of each id, and the pictures in `images/`.
 *
 * @throws DataError where captions.json or a picture is missing
 */
export async function openVqaFolder(folder: string): Promise<VqaFolder> {
  const images = await readCocoCaptions(folder)
  const paths = new Map(images.map(({ id, path }) => [id, path]))
  return {
    questions: join(folder, 'questions.json'),
    annotations: join(folder, 'annotations.json'),
    pictureOf: (imageId) => {
      const path = paths.get(imageId)
      if (path === undefined)
        throw new DataError(
          `${basename(folder)}/questions.json asks about image ${imageId}, which captions.json does not list`,
        )
      return path
    },
  }
}
