import { DataError } from '../../errors.js'
import { MAX_LINE_BYTES, textLines } from './lines.js'

export interface CsvRow {
  readonly cells: readonly string[]
  /** `file, line N`: the line where the row begins. */
  readonly place: string
}

/**
 * Reads comma-separated values as RFC 4180 has them: cells in double quotes may hold commas, line ends and quotes
 * written twice. Empty lines are passed over.
 *
 * @throws DataError for a quote inside a bare cell, text after a closing quote, or a quote that does not close within
 * 16 Mi characters or at all.
 */
export async function* csvRows(location: string): AsyncGenerator<CsvRow> {
  /** A row that goes on in the next line: its quotes so far are odd in number. */
  let open: { readonly lines: string[]; length: number; readonly place: string } | undefined
  for await (const { text, place } of textLines(location)) {
    const isOdd = text.split('"').length % 2 === 0
    if (open) {
      open.lines.push(text)
      open.length += text.length + 1
      if (open.length > MAX_LINE_BYTES)
        throw new DataError(`${open.place}: a quote opens and does not close within ${MAX_LINE_BYTES} characters`)
      if (isOdd) {
        yield { cells: splitRow(open.lines.join('\n'), open.place), place: open.place }
        open = undefined
      }
    } else if (isOdd) open = { lines: [text], length: text.length, place }
    else if (text !== '') yield { cells: splitRow(text, place), place }
  }
  if (open) throw new DataError(`${open.place}: a quote opens and never closes`)
}

function splitRow(text: string, place: string): string[] {
  const cells: string[] = []
  let at = 0
  for (;;) {
    const cell = text[at] === '"' ? quotedCell(text, at, place) : bareCell(text, at, place)
    cells.push(cell.value)
    if (cell.end >= text.length) return cells
    at = cell.end + 1
  }
}

function quotedCell(text: string, from: number, place: string): { value: string; end: number } {
  let end = text.indexOf('"', from + 1)
  while (text[end + 1] === '"') end = text.indexOf('"', end + 2)
  const after = text[end + 1]
  if (after !== undefined && after !== ',')
    throw new DataError(`${place}: expected a comma after the closing quote, got ${JSON.stringify(after)}`)
  return { value: text.slice(from + 1, end).replaceAll('""', '"'), end: end + 1 }
}

function bareCell(text: string, from: number, place: string): { value: string; end: number } {
  const comma = text.indexOf(',', from)
  const end = comma === -1 ? text.length : comma
  const value = text.slice(from, end)
  if (value.includes('"'))
    throw new DataError(`${place}: a quote inside the cell ${JSON.stringify(value)}; quote the whole cell`)
  return { value, end }
}
