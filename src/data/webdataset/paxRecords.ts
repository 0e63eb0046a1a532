import { DataError } from '../../errors.js'

/** What PAX and GNU extensions say of the member that follows. */
export interface TarOverrides {
  readonly path?: string
  readonly size?: number
  /** The file has holes, kept in one of GNU's ways. */
  readonly sparse?: boolean
}

/** Reads the records "LENGTH KEY=VALUE\n" of a PAX header; only what finding a file needs is kept. */
export function readPaxRecords(data: Uint8Array, place: string): TarOverrides {
  const wrong = (what: string) => new DataError(`${place}: ${what} in a PAX header; the archive is damaged`)
  const decoder = new TextDecoder()
  let overrides: TarOverrides = {}
  let at = 0
  while (at < data.length && data[at] !== 0) {
    const space = data.indexOf(0x20, at)
    const digits = space === -1 ? '' : decoder.decode(data.subarray(at, space))
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : Number.NaN
    const record = decoder.decode(data.subarray(space + 1, at + length))
    const equals = record.indexOf('=')
    if (!(at + length <= data.length) || !record.endsWith('\n') || equals < 1) throw wrong('a record of wrong length')
    overrides = { ...overrides, ...override(record.slice(0, equals), record.slice(equals + 1, -1), wrong) }
    at += length
  }
  return overrides
}

function override(key: string, value: string, wrong: (what: string) => DataError): TarOverrides {
  if (key === 'path') return { path: value }
  if (key.startsWith('GNU.sparse.')) return { sparse: true }
  if (key !== 'size') return {}
  const size = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(size)) throw wrong(`a size of ${JSON.stringify(value)}`)
  return { size }
}
