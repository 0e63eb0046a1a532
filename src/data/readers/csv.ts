import { DataError } from '../../errors.js'
import { textLines } from './lines.js'

export interface CsvRow {
  readonly cells: readonly string[]
  /** `file, line N`: the line where the row begins. */
  readonly place: string
}

/**
 * Reads comma-separated values as RFC 4180 has them: cells in double quotes may hold commas, line ends and quotes
 * written twice. Empty lines are passed over.
 *
 * @throws DataError for a quote inside a bare cell, text after a closing quote, or a quote that never closes.
 */
export async function* csvRows(location: string): AsyncGenerator<CsvRow> {
  let pending: { text: string; place: string } | undefined
  for await (const { text, place } of textLines(location)) {
    const row: { text: string; place: string } = pending
      ? { text: `${pending.text}\n${text}`, place: pending.place }
      : { text, place }
    pending = undefined
    // An odd number of quotes: the row goes on in the next line.
    if ((row.text.split('"').length - 1) % 2 === 1) pending = row
    else if (row.text !== '') yield { cells: splitRow(row.text, row.place), place: row.place }
  }
  if (pending) throw new DataError(`${pending.place}: a quote opens and never closes`)
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
