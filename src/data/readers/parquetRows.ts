import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { DataError } from '../../errors.js'
import { openByteSource } from '../bytes/byteSource.js'

/** A row with some of its columns; numbers of 64 bits are bigints. */
export type ParquetRow = Readonly<Record<string, unknown>>

/** Rows held at a time: a row group may have millions. */
const ROWS_AT_A_TIME = 10_000

/**
 * Reads columns of a parquet file, local or http(s), some thousand rows at a time. Compression: none, snappy, gzip,
 * brotli.
 * @param choose Gets the names of all columns and gives those to read; it throws where one is missing.
 */
export async function* parquetRows(
  location: string,
  choose: (columns: readonly string[]) => readonly string[],
): AsyncGenerator<{ row: ParquetRow; place: string }> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet')
  const source = openByteSource(location)
  const file = {
    byteLength: await source.size(),
    slice: async (start: number, end?: number) => exactBuffer(await source.read(start, end ?? (await source.size()))),
  }
  const broken = (cause: unknown): never => {
    if (cause instanceof DataError) throw cause
    throw new DataError(`${location} is no parquet file that can be read: ${(cause as Error).message}`, { cause })
  }
  const metadata = await parquetMetadataAsync(file).catch(broken)
  const columns = [...choose(parquetSchema(metadata).children.map(({ element }) => element.name))]
  const total = Number(metadata.num_rows)
  for (let rowStart = 0; rowStart < total; rowStart += ROWS_AT_A_TIME) {
    const rowEnd = Math.min(rowStart + ROWS_AT_A_TIME, total)
    const rows = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors }).catch(broken)
    for (const [i, row] of rows.entries()) yield { row, place: `${location}, row ${rowStart + i + 1}` }
  }
}

/** The one of the columns that is called so, in any case. @throws DataError listing what there is. */
export function columnNamed(columns: readonly string[], name: string, location: string): string {
  const found = columns.find((column) => column.toLowerCase() === name)
  if (found !== undefined) return found
  throw new DataError(`${location} has no column ${name}; it has ${columns.join(', ')}`)
}

const compressors = {
  GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
  BROTLI: (bytes: Uint8Array) => brotliDecompressSync(bytes),
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength)
}
