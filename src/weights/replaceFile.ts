import { type FileHandle, open, rename, rm } from 'node:fs/promises'

/** The whole content, or what writes it. */
export type Content = string | Uint8Array | ((file: FileHandle) => Promise<void>)

/**
 * Writes a file as a whole or not at all: under a temporary name beside it, flushed to the disk, then renamed. A failure
 * removes the temporary file and is thrown as it is (ENOSPC, EACCES); `path` then holds what it held before.
 */
export async function replaceFile(path: string, content: Content): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
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
