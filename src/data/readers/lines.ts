import { DataError } from '../../errors.js'
import { openByteSource } from '../bytes/byteSource.js'

/** A line of a text file, without its end. */
export interface TextLine {
  readonly text: string
  /** `file, line N`, for messages. */
  readonly place: string
}

/** A longer line means that the file is no list of captions. */
export const MAX_LINE_BYTES = 2 ** 24

/**
 * The lines of a UTF-8 file, local or http(s), one at a time; ends are \n or \r\n, a byte order mark is left out.
 * @throws DataError naming the line that is not UTF-8, or longer than 16 MiB.
 */
export async function* textLines(location: string): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  const toLine = (bytes: Uint8Array): TextLine => {
    const place = `${location}, line ${++number}`
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
    try {
      return { text: decoder.decode(bytes.subarray(0, end)), place }
    } catch (cause) {
      throw new DataError(`${place} is not UTF-8; convert the file (iconv -t UTF-8)`, { cause })
    }
  }
  let rest = Buffer.alloc(0)
  for await (const chunk of openByteSource(location).stream()) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    let from = 0
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, from)) {
      yield toLine(bytes.subarray(from, end))
      from = end + 1
    }
    rest = bytes.subarray(from)
    if (rest.length > MAX_LINE_BYTES)
      throw new DataError(
        `${location}, line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes; expected a text file`,
      )
  }
  if (rest.length > 0) yield toLine(rest)
}
