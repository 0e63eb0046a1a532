import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ImageError } from '../errors.js'
import { decodeImage } from '../image/decode.js'
import type { RgbPicture } from '../image/resize.js'
import type { PictureFile } from './listPictures.js'
import type { PictureRow } from './pictureRow.js'

/** A picture file that was read: its pixels, or the row of a file of the same content that is in the index. */
export type ReadPicture = {
  readonly file: PictureFile
  readonly content: string
} & ({ readonly image: RgbPicture; readonly same?: never } | { readonly same: PictureRow; readonly image?: never })

export interface ReadPicturesOptions {
  /** Rows of the index with these contents; a picture of such a content is not decoded. */
  readonly rowsOf: (contents: readonly string[]) => Promise<readonly PictureRow[]>
  /** Is told of each file that cannot be read or decoded; it is left out. */
  readonly onBroken: (path: string, error: ImageError) => void
  readonly signal?: AbortSignal | undefined
}

/** Pictures decoded and encoded at a time: a large photo takes a hundred megabytes. */
export const GROUP = 8

/** Reads files in groups, in their order. */
export async function* readPictures(
  files: readonly PictureFile[],
  { rowsOf, onBroken, signal }: ReadPicturesOptions,
): AsyncGenerator<readonly ReadPicture[]> {
  for (let start = 0; start < files.length; start += GROUP) {
    signal?.throwIfAborted()
    const group = files.slice(start, start + GROUP)
    const contents = await Promise.all(group.map((file) => reporting(file, () => readContent(file), onBroken)))
    const hashes = contents.flatMap((content) => content?.hash ?? [])
    const known = new Map((await rowsOf(hashes)).map((row) => [row.content, row]))
    const read = await Promise.all(
      contents.map(async (content, i): Promise<ReadPicture | undefined> => {
        if (!content) return undefined
        const [file, same] = [group[i]!, known.get(content.hash)]
        if (same) return { file, content: content.hash, same }
        const image = await reporting(file, () => decode(file, content.bytes, signal), onBroken)
        return image && { file, content: content.hash, image }
      }),
    )
    yield read.filter((picture) => picture !== undefined)
  }
}

async function readContent({ path }: PictureFile): Promise<{ bytes: Uint8Array; hash: string }> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ImageError(`cannot read the picture ${path}: ${cause.code ?? cause.message}`, { cause })
  })
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') }
}

/** The bytes that were hashed, not the file again: it may have changed meanwhile. */
async function decode({ path }: PictureFile, bytes: Uint8Array, signal?: AbortSignal): Promise<RgbPicture> {
  try {
    return await decodeImage(bytes, signal)
  } catch (cause) {
    if (!(cause instanceof ImageError)) throw cause
    throw new ImageError(`${path}: ${cause.message}`, { cause })
  }
}

async function reporting<T>(
  { path }: PictureFile,
  read: () => Promise<T>,
  onBroken: ReadPicturesOptions['onBroken'],
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    onBroken(path, error)
    return undefined
  }
}
