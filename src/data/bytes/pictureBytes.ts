import { DataError } from '../../errors.js'
import { openByteSource } from './byteSource.js'

/** A larger file is no picture. */
const MAX_PICTURE_BYTES = 64 * 2 ** 20

/**
 * The bytes of a picture's file.
 * @param image Bytes, or a path or an address to read them from.
 * @throws DataError where the file is missing or larger than 64 MB.
 */
export const pictureBytes = async (image: Uint8Array | string, signal?: AbortSignal): Promise<Uint8Array> =>
  typeof image === 'string' ? wholeFile(image, signal) : image

async function wholeFile(location: string, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of openByteSource(location, signal).stream()) {
    bytes += chunk.length
    if (bytes > MAX_PICTURE_BYTES)
      throw new DataError(`${location} is larger than ${MAX_PICTURE_BYTES / 2 ** 20} MB; expected a picture`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
