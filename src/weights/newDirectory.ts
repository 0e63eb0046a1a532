import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { ConfigError } from '../errors.js'

/**
 * Makes a directory whose content `write` writes under a temporary name beside it, so that it appears when it is whole. A
 * failure leaves nothing.
 *
 * @throws ConfigError where the directory is there already and not empty.
 */
export async function writeNewDirectory<T>(path: string, write: (temporary: string) => Promise<T>): Promise<T> {
  const present = await readdir(path).catch(ignoreMissing)
  if (present && present.length > 0)
    throw new ConfigError(`${path} is not empty; give the name of a directory that does not exist yet`)
  const temporary = `${path}.${process.pid}.tmp`
  await mkdir(temporary, { recursive: true })
  try {
    const result = await write(temporary)
    // An empty directory that is there already makes room.
    await rmdir(path).catch(ignoreMissing)
    await rename(temporary, path)
    return result
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
