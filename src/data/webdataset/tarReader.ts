import { DataError } from '../../errors.js'
import { ByteReader } from './byteReader.js'
import { readPaxRecords, type TarOverrides } from './paxRecords.js'
import { BLOCK, parseTarHeader, type TarHeader, text } from './tarHeader.js'

/** A file of an archive. */
export interface TarMember {
  readonly name: string
  readonly data: Uint8Array
  /** Where the data begins, in bytes of the uncompressed archive. */
  readonly start: number
  /** Where its first header block begins (long names included). */
  readonly offset: number
  /** Where the next member begins. */
  readonly next: number
}

export interface ReadTarOptions {
  /** For messages. */
  readonly name: string
  /** Offset of the first chunk in the archive: that of a member, or 0 (default). */
  readonly from?: number
  /** A larger file is refused, because members are held in memory. Default 256 MiB. */
  readonly maxMemberBytes?: number
  /** Files for which it is false are passed over without being held. */
  readonly wants?: (name: string) => boolean
}

/** Name and size records, and long links, are no pictures: a larger one is damage or an attack. */
const MAX_NAME_BYTES = 2 ** 20

/**
 * Reads the files of an archive one after another, off a stream: ustar, v7, GNU (long names, sizes beyond 8 GB) and PAX.
 * Folders, links and devices are passed over. The archive ends at the first block of zeros, as Python's tarfile has it,
 * or where the stream ends between two members.
 *
 * @throws DataError with the offset for a truncated or damaged archive, after all whole members before it.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  { name: archive, from = 0, maxMemberBytes = 2 ** 28, wants = () => true }: ReadTarOptions,
): AsyncGenerator<TarMember> {
  const reader = new ByteReader(chunks)
  const position = () => from + reader.offset
  const takeData = async (size: number) => {
    const start = position()
    const data = await reader.take(size)
    const padding = (BLOCK - (size % BLOCK)) % BLOCK
    if (data.length < size) throw truncated(archive, position(), `${size} bytes of data from ${start}`)
    await reader.skip(padding)
    return data
  }
  let extended: TarOverrides = {}
  let offset = from
  try {
    for (;;) {
      const block = await reader.take(BLOCK)
      if (block.length === 0 && offset === position()) return
      if (block.length < BLOCK) throw truncated(archive, position(), 'a header block')
      const place = `${archive}, byte ${position() - BLOCK}`
      const header = parseTarHeader(block, place)
      if (!header) return
      if ('xgLK'.includes(header.type)) {
        if (header.size > MAX_NAME_BYTES)
          throw new DataError(`${place}: a long name of ${header.size} bytes; expected at most ${MAX_NAME_BYTES}`)
        const data = await takeData(header.size)
        // Global records ('g') hold for all members: no name or size. Long link targets ('K') are no files.
        if (header.type === 'L') extended = { ...extended, path: text(data) }
        if (header.type === 'x') extended = { ...extended, ...readPaxRecords(data, place) }
        continue
      }
      const { name, size } = overridden(header, extended, place)
      if (!isFile(header.type, name) || !wants(name)) {
        if (!WITHOUT_DATA.includes(header.type)) await skipData(reader, size, archive, position)
      } else {
        if (size > maxMemberBytes)
          throw new DataError(`${place}: ${name} has ${size} bytes; expected at most ${maxMemberBytes}`)
        const start = position()
        const data = await takeData(size)
        yield { name, data, start, offset, next: position() }
      }
      extended = {}
      offset = position()
    }
  } finally {
    await reader.close()
  }
}

function overridden(header: TarHeader, { path, size, sparse }: TarOverrides, place: string) {
  const name = path ?? header.name
  if (sparse || header.type === 'S')
    throw new DataError(`${place}: ${name} is a sparse file, which is not supported; pack it without --sparse`)
  return { name, size: size ?? header.size }
}

/** Links, devices, folders and pipes: no data follows, whatever size the header gives. */
const WITHOUT_DATA = '123456'

/** A name that ends in a slash is a folder in old archives. */
const isFile = (type: string, name: string): boolean => type === '7' || ('0\0'.includes(type) && !name.endsWith('/'))

async function skipData(reader: ByteReader, size: number, archive: string, position: () => number): Promise<void> {
  const start = position()
  if ((await reader.skip(size)) < size) throw truncated(archive, position(), `${size} bytes of data from ${start}`)
  await reader.skip((BLOCK - (size % BLOCK)) % BLOCK)
}

const truncated = (archive: string, at: number, expected: string): DataError =>
  new DataError(`${archive} is truncated at byte ${at}; expected ${expected}. Fetch or pack it again`)
