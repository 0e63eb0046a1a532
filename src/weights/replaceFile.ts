import { type FileHandle, open, rename, rm } from 'node:fs/promises'

/**
 * Writes a file as a whole or not at all: under a temporary name beside it, flushed to the disk, then renamed. A failure
 * removes the temporary file and is thrown as it is (ENOSPC, EACCES); `path` then holds what it held before.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await write(file)
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
