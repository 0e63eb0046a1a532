import type { z } from 'zod'
import { DataError } from '../../errors.js'
import { openByteSource } from '../bytes/byteSource.js'
import { type JsonEntry, JsonEntryScanner } from './jsonEntryScanner.js'

/**
 * The elements of the arrays in a JSON file, local or http(s), one at a time: of the file's own array, or of all arrays
 * that are values of the file's object. Files larger than memory can be read.
 *
 * @throws DataError with file and line where it is not JSON.
 */
export async function* jsonEntries(location: string): AsyncGenerator<JsonEntry> {
  const scanner = new JsonEntryScanner(location)
  let first = true
  for await (const chunk of openByteSource(location).stream()) {
    yield* scanner.push(first ? withoutMark(chunk) : chunk)
    first = false
  }
  scanner.end()
}

/** The value, checked. @throws DataError with the place, the path inside the entry, what was expected and what came. */
export function checkEntry<Schema extends z.ZodType>(schema: Schema, value: unknown, place: string): z.infer<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new DataError(`${[place, ...path.map(String)].join('.')}: ${message}`)
}

const withoutMark = (chunk: Uint8Array): Uint8Array =>
  chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk
