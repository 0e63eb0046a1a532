import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DataError } from '../../errors.js'
import { type Packing, packingOf, PACKING_MARK_BYTES } from './packing.js'
import { unpackedBy } from './unpackedBy.js'

/**
 * The stream itself, or what it holds where it is packed, told by its first bytes and not by its name. gzip is read here,
 * bzip2, xz and zstd by the programs of these names, for Node 20 has none of them.
 * @throws DataError for a damaged stream, and where the program is not installed.
 */
export async function* decompressed(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const stream = chunks[Symbol.asyncIterator]()
  const first = await firstBytes(stream)
  yield* unpacked(rejoined(first, stream), packingOf(first), name)
}

function unpacked(
  chunks: AsyncIterable<Uint8Array>,
  packing: Packing | undefined,
  name: string,
): AsyncIterable<Uint8Array> {
  if (packing === undefined) return chunks
  return packing === 'gzip' ? gunzipped(chunks, name) : unpackedBy(packing, chunks, name)
}

async function firstBytes(stream: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < PACKING_MARK_BYTES) {
    const { done, value } = await stream.next()
    if (done) break
    first = first.length === 0 ? value : Buffer.concat([first, value])
  }
  return first
}

async function* rejoined(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value
  } finally {
    await rest.return?.()
  }
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const input = Readable.from(chunks)
  const gunzip = createGunzip()
  input.on('error', (error) => gunzip.destroy(error))
  try {
    for await (const chunk of input.pipe(gunzip)) yield chunk as Uint8Array
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    if (!code.startsWith('Z_')) throw cause
    throw new DataError(`${name} is a damaged or truncated gzip file (${code}); fetch or pack it again`, { cause })
  } finally {
    input.destroy()
    gunzip.destroy()
  }
}
