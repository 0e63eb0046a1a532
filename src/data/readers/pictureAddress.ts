import { DataError } from '../../errors.js'

/** An http(s) address. @throws DataError naming the place for anything else. */
export function pictureAddress(text: string, place: string): string {
  const trimmed = text.trim()
  if (/^https?:\/\//i.test(trimmed) && URL.canParse(trimmed)) return trimmed
  throw new DataError(`${place}: expected an http(s) address of a picture, got ${JSON.stringify(text.slice(0, 100))}`)
}
