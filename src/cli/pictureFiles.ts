import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { isPictureName } from '../image/pictureName.js'
import { glob, isGlob } from './glob.js'

const ADDRESS = /^(https?|file):\/\//

/**
 * The pictures that arguments stand for: a folder for those in it and in the folders in it, a pattern for those it
 * fits; a file or an address for itself, whether it is there or not.
 *
 * @throws DataError for a folder or a pattern without pictures.
 */
export async function pictureFiles(args: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const arg of args) files.push(...(await expand(arg)))
  return files
}

async function expand(arg: string): Promise<string[]> {
  if (ADDRESS.test(arg)) return [arg]
  const kind = await kindOf(arg)
  if (kind === 'file' || (kind === 'none' && !isGlob(arg))) return [arg]
  const found = kind === 'folder' ? await picturesIn(arg) : await glob(arg)
  const pictures = found.filter(isPictureName)
  if (pictures.length === 0)
    throw new DataError(kind === 'folder' ? `${arg} holds no pictures` : `no pictures fit the pattern ${arg}`)
  return pictures
}

async function picturesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  return entries.sort().map((entry) => join(folder, entry))
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return 'none'
    throw error
  }
}
