import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'

/** The whole content, or what writes it. */
export type Content = string | Uint8Array | ((file: FileHandle) => Promise<void>)

/**
 * Writes a file as a whole or not at all: under a temporary name beside it, flushed to the disk, then renamed. A failure
 * removes the temporary file and is thrown as it is (ENOSPC, EACCES); `path` then holds what it held before. Calls of one
 * path, in threads or processes, do not disturb each other: the last to end is the one that is seen.
 */
export async function replaceFile(path: string, content: Content): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await (typeof content === 'function' ? content(file) : file.writeFile(content))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
