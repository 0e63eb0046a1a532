import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { DataError } from '../../errors.js'
import type { ByteSource } from './byteSource.js'

const CHUNK_BYTES = 2 ** 20

/** A file of this machine. */
export function fileSource(path: string, signal?: AbortSignal): ByteSource {
  return {
    name: path,
    async size() {
      const { size } = await stat(path).catch((cause: NodeJS.ErrnoException) => unreadable(path, cause))
      return size
    },
    read: (start, end) => readRange(path, start, end),
    async *stream(start = 0) {
      signal?.throwIfAborted()
      // The signal is asked here: as a stream's own it would get a listener for each of many files that are read at a time.
      const file = createReadStream(path, { start, highWaterMark: CHUNK_BYTES })
      try {
        for await (const chunk of file) {
          signal?.throwIfAborted()
          yield chunk as Uint8Array
        }
      } catch (cause) {
        signal?.throwIfAborted()
        unreadable(path, cause as NodeJS.ErrnoException)
      }
    },
  }
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => unreadable(path, cause))
  try {
    const bytes = new Uint8Array(end - start)
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
      if (bytesRead === 0) throw new DataError(`${path} ends at byte ${start + filled}; expected ${end} bytes or more`)
      filled += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): never {
  throw new DataError(`cannot read ${path}: ${cause.code ?? cause.message}`, { cause })
}
