import { z } from 'zod'
import { DataError } from '../../errors.js'
import { type CaptionRecord, nonEmptyCaptions, type ReadOptions, toRecords } from './captionRecord.js'
import { type CsvRow, csvRows } from './csv.js'
import { checkEntry } from './jsonEntries.js'
import { textLines } from './lines.js'
import { picturePath } from './picturePath.js'

/** Names of the two columns; the second ones are those of Hugging Face's image folders. */
const IMAGE = ['image', 'file_name'] as const
const CAPTION = ['caption', 'captions', 'text'] as const

const text = z.union([z.string(), z.array(z.string())]).optional()
const lineSchema = z.object({
  image: z.string().optional(),
  file_name: z.string().optional(),
  caption: text,
  captions: text,
  text,
})

/**
 * Reads a JSONL file of captions, an object a line: `{"image": "a.png", "caption": "a dog"}`. `file_name` and `text` will
 * do as well, and a list of captions. Empty lines are passed over.
 * @param images The folder that the paths start from.
 */
export async function* readCaptionLines(
  file: string,
  images: string,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  yield* toRecords(
    textLines(file),
    ({ text, place }) => {
      if (text.trim() === '') return undefined
      const line = checkEntry(lineSchema, parseLine(text, place), place)
      const name = first(IMAGE.map((field) => line[field]))
      const captions = first(CAPTION.map((field) => line[field]))
      if (name === undefined || captions === undefined)
        throw new DataError(`${place}: expected {"image": ..., "caption": ...}, got ${text.slice(0, 100)}`)
      return {
        key: name,
        image: picturePath(images, name, place),
        captions: nonEmptyCaptions([captions].flat(), place),
      }
    },
    options,
  )
}

/**
 * Reads a CSV file of captions: a line of column names with `image` (or `file_name`) and `caption` (or `text`), then a
 * line a caption. A picture that comes in several lines is one record of each line.
 */
export async function* readCaptionCsv(
  file: string,
  images: string,
  options: ReadOptions = {},
): AsyncGenerator<CaptionRecord> {
  const rows = csvRows(file)
  const { value: header, done } = await rows.next()
  if (done) throw new DataError(`${file} is empty; expected a line of column names: image,caption`)
  const image = column(header, IMAGE)
  const caption = column(header, CAPTION)
  yield* toRecords(
    rows,
    ({ cells, place }) => {
      if (cells.length !== header.cells.length)
        throw new DataError(`${place}: ${cells.length} cells; expected ${header.cells.length}, as in the first line`)
      const name = cells[image]!
      return {
        key: name,
        image: picturePath(images, name, place),
        captions: nonEmptyCaptions([cells[caption]!], place),
      }
    },
    options,
  )
}

function parseLine(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DataError(`${place} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function first<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined)
}

function column({ cells, place }: CsvRow, names: readonly string[]): number {
  const found = cells.findIndex((cell) => names.includes(cell.trim().toLowerCase()))
  if (found === -1) throw new DataError(`${place}: expected a column ${names.join(' or ')}; got ${cells.join(', ')}`)
  return found
}
