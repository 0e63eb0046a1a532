import { fileSource } from './fileSource.js'
import { httpSource } from './httpSource.js'

/** A file somewhere, read in ranges or as a stream. Nothing is kept open between calls. */
export interface ByteSource {
  /** The path or address, for messages. */
  readonly name: string
  /** Length in bytes. */
  size(): Promise<number>
  /** The bytes from `start` up to `end`, which must exist. */
  read(start: number, end: number): Promise<Uint8Array>
  /** The bytes from `start` (default 0) to the end, in chunks. */
  stream(start?: number): AsyncIterable<Uint8Array>
}

export const isAddress = (location: string): boolean => /^https?:\/\//i.test(location)

/**
 * Opens a local path or an http(s) address. Reading throws a DataError with the name where the file is missing or the
 * transfer fails for good, and an AbortError when `signal` fires.
 */
export function openByteSource(location: string, signal?: AbortSignal): ByteSource {
  return isAddress(location) ? httpSource(location, signal) : fileSource(location, signal)
}
