import { DataError } from '../../errors.js'
import { openByteSource } from './byteSource.js'

/** Bytes inside a file, such as a picture in a tar archive. */
export interface FilePart {
  /** A path or an http(s) address. */
  readonly location: string
  readonly start: number
  readonly end: number
}

/** An encoded picture: its bytes, or where they are, as a path, an http(s) address or a part of a file. */
export type PicturePlace = Uint8Array | string | FilePart

/** A larger file is no picture. */
const MAX_PICTURE_BYTES = 64 * 2 ** 20

/**
 * The bytes of a picture's file.
 * @throws DataError where the file is missing, or a picture of its own and larger than 64 MB.
 */
export async function pictureBytes(place: PicturePlace, signal?: AbortSignal): Promise<Uint8Array> {
  if (place instanceof Uint8Array) return place
  if (typeof place === 'string') return wholeFile(place, signal)
  const { location, start, end } = place
  return openByteSource(location, signal).read(start, end)
}

/** What a message calls it. */
export function placeName(place: PicturePlace): string {
  if (place instanceof Uint8Array) return `a picture of ${place.length} bytes`
  return typeof place === 'string' ? place : `${place.location}, bytes ${place.start} to ${place.end}`
}

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
