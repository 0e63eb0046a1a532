/** An entry of a test archive; the fields after `data` are lies that a hostile archive tells. */
export interface TestEntry {
  readonly name: string
  readonly data: Uint8Array
  readonly method?: number
  readonly flags?: number
  /** Sizes as the directory claims them. */
  readonly size?: number
  readonly storedSize?: number
  readonly headerOffset?: number
}

export interface ArchiveOptions {
  /** Sizes and offsets as 64-bit fields, with the second end record. */
  readonly zip64?: boolean
  readonly comment?: string
  /** Entries as the end record claims them. */
  readonly entries?: number
}

/** A zip archive with stored entries (PKWARE's APPNOTE); checksums are zero. */
export function buildArchive(entries: readonly TestEntry[], options: ArchiveOptions = {}): Buffer {
  const { zip64 = false, comment = '' } = options
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const local = Buffer.concat([localHeader(entry), entry.data])
    locals.push(local)
    directory.push(centralHeader(entry, entry.headerOffset ?? offset, zip64))
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const count = options.entries ?? entries.length
  const tail = zip64 ? [end64(count, central.length, offset), locator64(offset + central.length)] : []
  return Buffer.concat([...locals, central, ...tail, end(count, central.length, offset, zip64, comment)])
}

function localHeader({ name, data, method = 0, flags = 0 }: TestEntry): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(flags, 6)
  header.writeUInt16LE(method, 8)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt32LE(data.length, 22)
  header.writeUInt16LE(Buffer.byteLength(name), 26)
  return Buffer.concat([header, Buffer.from(name)])
}

function centralHeader(entry: TestEntry, headerOffset: number, zip64: boolean): Buffer {
  const { name, data, method = 0, flags = 0, size = data.length, storedSize = size } = entry
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE(flags, 8)
  header.writeUInt16LE(method, 10)
  header.writeUInt16LE(Buffer.byteLength(name), 28)
  const extra = Buffer.alloc(zip64 ? 28 : 0)
  if (zip64) {
    extra.writeUInt16LE(1, 0)
    extra.writeUInt16LE(24, 2)
    extra.writeBigUInt64LE(BigInt(size), 4)
    extra.writeBigUInt64LE(BigInt(storedSize), 12)
    extra.writeBigUInt64LE(BigInt(headerOffset), 20)
  }
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE(zip64 ? 0xffffffff : storedSize, 20)
  header.writeUInt32LE(zip64 ? 0xffffffff : size, 24)
  header.writeUInt32LE(zip64 ? 0xffffffff : headerOffset, 42)
  return Buffer.concat([header, Buffer.from(name), extra])
}

function end64(entries: number, byteLength: number, offset: number): Buffer {
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(BigInt(entries), 24)
  record.writeBigUInt64LE(BigInt(entries), 32)
  record.writeBigUInt64LE(BigInt(byteLength), 40)
  record.writeBigUInt64LE(BigInt(offset), 48)
  return record
}

function locator64(offset: number): Buffer {
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset), 8)
  locator.writeUInt32LE(1, 16)
  return locator
}

function end(entries: number, byteLength: number, offset: number, zip64: boolean, comment: string): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  record.writeUInt16LE(zip64 ? 0xffff : entries, 8)
  record.writeUInt16LE(zip64 ? 0xffff : entries, 10)
  record.writeUInt32LE(zip64 ? 0xffffffff : byteLength, 12)
  record.writeUInt32LE(zip64 ? 0xffffffff : offset, 16)
  record.writeUInt16LE(Buffer.byteLength(comment), 20)
  return Buffer.concat([record, Buffer.from(comment)])
}
