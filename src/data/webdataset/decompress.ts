import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DataError } from '../../errors.js'

const OTHERS = [
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], name: 'xz' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: 'zstd' },
]

/**
 * The stream itself, or what it holds where it is gzip, told by its first bytes and not by its name.
 * @throws DataError for a damaged gzip stream, and for bzip2, xz and zstd, which Node 20 cannot read.
 */
export async function* decompressed(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const stream = chunks[Symbol.asyncIterator]()
  const first = await firstBytes(stream)
  const startsWith = (magic: readonly number[]) => magic.every((byte, i) => first[i] === byte)
  const other = OTHERS.find(({ magic }) => startsWith(magic))
  if (other) {
    await stream.return?.()
    throw new DataError(`${name} is packed with ${other.name}; expected a plain or a gzip tar file`)
  }
  const whole = rejoined(first, stream)
  if (startsWith([0x1f, 0x8b])) yield* gunzipped(whole, name)
  else yield* whole
}

const LONGEST_MAGIC = 6

async function firstBytes(stream: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < LONGEST_MAGIC) {
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
