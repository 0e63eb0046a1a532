import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'

/** A picture of a COCO-captions folder with all that people said of it. */
export interface CaptionedImage {
  readonly id: number
  readonly path: string
  readonly captions: readonly [string, ...string[]]
}

const id = z.int()
const captionsSchema = z.object({
  images: z.array(z.object({ id, file_name: z.string().min(1) })),
  annotations: z.array(z.object({ image_id: id, caption: z.string() })),
})

/**
 * Reads a folder with `captions.json` in COCO's format and the pictures in `images/`. Pictures come in the order of the
 * file; those without a caption are left out, as COCO's own readers do.
 *
 * @throws DataError naming the entry that is wrong: a file that is missing, a caption of no picture, an id used twice.
 */
export async function readCocoCaptions(folder: string): Promise<CaptionedImage[]> {
  const file = join(folder, 'captions.json')
  const { images, annotations } = parse(file, await readText(file))
  const captions = new Map<number, string[]>()
  for (const image of images) {
    if (captions.has(image.id)) throw new DataError(`${file}: two images have the id ${image.id}`)
    captions.set(image.id, [])
  }
  annotations.forEach(({ image_id, caption }, i) => {
    const own = captions.get(image_id)
    if (!own) throw new DataError(`${file}: annotations[${i}] is a caption of image ${image_id}, which is not listed`)
    if (caption.trim() !== '') own.push(caption.trim())
  })
  const present = await listPictures(folder)
  const described = images.flatMap((image): CaptionedImage[] => {
    const [first, ...others] = captions.get(image.id)!
    if (first === undefined) return []
    return [{ id: image.id, path: picturePath(file, folder, image, present), captions: [first, ...others] }]
  })
  if (described.length === 0) throw new DataError(`${file}: no image has a caption`)
  return described
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `cannot read ${file} (${cause.code ?? cause.message}); expected a folder with captions.json in COCO's format and the pictures in images/`,
      { cause },
    )
  })
}

function parse(file: string, text: string) {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${file} is not JSON`, { cause })
  }
  const parsed = captionsSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new DataError(`${file}: ${path.join('.') || 'the whole file'}: ${message}`)
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
function picturePath(
  file: string,
  folder: string,
  image: { id: number; file_name: string },
  present: ReadonlySet<string>,
) {
  const name = image.file_name
  if (basename(name) !== name || name.includes('\\'))
    throw new DataError(
      `${file}: image ${image.id} is called ${JSON.stringify(name)}; expected a file name without folders`,
    )
  if (!present.has(name)) throw new DataError(`${file}: image ${image.id} is images/${name}, which is not there`)
  return join(folder, 'images', name)
}
