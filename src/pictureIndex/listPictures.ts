import { readdir, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { DataError, ImageError } from '../errors.js'
import { isPictureName } from '../image/pictureName.js'

/** A picture file on disk. */
export interface PictureFile {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number
}

export interface PictureListing {
  readonly files: readonly PictureFile[]
  /** Whether a path is one of those that were asked for, or lies in one of the folders. */
  readonly covers: (path: string) => boolean
}

/** Files whose status is asked for at a time. */
const AT_A_TIME = 64

/**
 * The pictures of folders, and of the folders in them, and single files, each once, by path.
 * @param onBroken Is told of an entry that cannot be looked at, such as a link that leads nowhere.
 * @throws DataError for a path that is not there and for a folder without a picture: a disk that is not mounted must not
 * empty an index.
 */
export async function listPictures(
  paths: readonly string[],
  onBroken: (path: string, error: ImageError) => void,
): Promise<PictureListing> {
  const found = new Set<string>()
  const roots = paths.map((path) => resolve(path))
  for (const root of roots) for (const path of await picturesAt(root)) found.add(path)
  const sorted = [...found].sort()
  const files: PictureFile[] = []
  for (let start = 0; start < sorted.length; start += AT_A_TIME) {
    const some = sorted.slice(start, start + AT_A_TIME)
    for (const file of await Promise.all(some.map((path) => pictureFile(path, onBroken)))) if (file) files.push(file)
  }
  return { files, covers: (path) => roots.some((root) => path === root || path.startsWith(`${root}${sep}`)) }
}

async function picturesAt(root: string): Promise<string[]> {
  const found = await stat(root).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot index ${root}: ${cause.code}`, { cause })
  })
  if (!found.isDirectory()) return [root]
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const pictures = entries.filter((entry) => !entry.isDirectory() && isPictureName(entry.name))
  if (pictures.length === 0) throw new DataError(`${root} holds no pictures`)
  return pictures.map(({ parentPath, name }) => join(parentPath, name))
}

async function pictureFile(
  path: string,
  onBroken: (path: string, error: ImageError) => void,
): Promise<PictureFile | undefined> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { path, bytes: size, modified: mtimeMs }
  } catch (cause) {
    onBroken(path, new ImageError(`cannot read the picture ${path}: ${(cause as Error).message}`, { cause }))
    return undefined
  }
}
