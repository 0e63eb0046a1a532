import type { FileHandle } from 'node:fs/promises'

import { WeightsError } from '../../errors.js'
import { readExactly } from '../readBytes.js'

/** Where the bytes of an entry lie in the archive; they are stored as they are. */
export interface ZipEntry {
  readonly byteOffset: number
  readonly byteLength: number
}

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const END64_LOCATOR_SIGNATURE = 0x07064b50
const END64_LOCATOR_BYTES = 20
const END64_SIGNATURE = 0x06064b50
const END64_BYTES = 56
const CENTRAL_SIGNATURE = 0x02014b50
const CENTRAL_BYTES = 46
const LOCAL_SIGNATURE = 0x04034b50
const LOCAL_BYTES = 30

const ENCRYPTED = 1
const STORED = 0
/** A 32-bit field that holds this has its value in the entry's zip64 field. */
const IN_ZIP64 = 0xffffffff
const ZIP64_FIELD = 0x0001

// About a hundred bytes an entry, and the largest models have some thousands of entries.
const MAX_DIRECTORY_BYTES = 64 << 20

interface Directory {
  readonly offset: number
  readonly byteLength: number
  readonly entries: number
}

interface CentralEntry {
  readonly name: string
  readonly byteLength: number
  readonly headerOffset: number
}

/**
 * The entries of a zip archive by name (PKWARE's APPNOTE 6.3.10, zip64 included). Nothing of it is trusted: an entry that
 * is compressed, encrypted, held twice, outside of the file or over another one is a WeightsError.
 */
export async function readZipEntries(
  handle: FileHandle,
  fileBytes: number,
  path: string,
): Promise<Map<string, ZipEntry>> {
  const directory = await findDirectory(handle, fileBytes, path)
  const bytes = Buffer.alloc(directory.byteLength)
  await readExactly(handle, bytes, directory.offset, path)
  const placed: (readonly [string, ZipEntry & { headerOffset: number }])[] = []
  for (const entry of parseDirectory(bytes, directory, path)) placed.push(await place(handle, entry, directory, path))
  checkOverlap(placed, path)
  return new Map(placed)
}

async function findDirectory(handle: FileHandle, fileBytes: number, path: string): Promise<Directory> {
  const tail = Buffer.alloc(Math.min(fileBytes, END_BYTES + MAX_COMMENT_BYTES))
  await readExactly(handle, tail, fileBytes - tail.length, path)
  const at = findEnd(tail)
  if (at === undefined)
    throw new WeightsError(`${path}: the zip archive has no end record; the file is truncated, fetch it again`)
  const end = fileBytes - tail.length + at
  const entries = tail.readUInt16LE(at + 10)
  if (tail.readUInt16LE(at + 4) !== 0 || tail.readUInt16LE(at + 6) !== 0 || tail.readUInt16LE(at + 8) !== entries)
    throw new WeightsError(`${path}: the zip archive is split over several files, which PyTorch does not do`)
  const found =
    (await findZip64Directory(handle, end, path)) ??
    checkDirectory({ offset: tail.readUInt32LE(at + 16), byteLength: tail.readUInt32LE(at + 12), entries }, end, path)
  if (found.byteLength > MAX_DIRECTORY_BYTES)
    throw new WeightsError(
      `${path}: the zip directory claims ${found.byteLength} bytes, above the limit of ${MAX_DIRECTORY_BYTES}`,
    )
  return found
}

/** The last end record whose comment reaches exactly to the end of the file. */
function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--)
    if (tail.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length)
      return at
  return undefined
}

/** Larger archives have a second end record, and a pointer to it right before the first one. */
async function findZip64Directory(handle: FileHandle, end: number, path: string): Promise<Directory | undefined> {
  if (end < END64_LOCATOR_BYTES) return undefined
  const locator = Buffer.alloc(END64_LOCATOR_BYTES)
  await readExactly(handle, locator, end - END64_LOCATOR_BYTES, path)
  if (locator.readUInt32LE(0) !== END64_LOCATOR_SIGNATURE) return undefined
  const at = readSize(locator, 8)
  const limit = end - END64_LOCATOR_BYTES
  const record = Buffer.alloc(END64_BYTES)
  if (!(at + END64_BYTES <= limit))
    throw new WeightsError(`${path}: the zip64 end record is said to be at byte ${at}, beyond byte ${limit}`)
  await readExactly(handle, record, at, path)
  if (record.readUInt32LE(0) !== END64_SIGNATURE)
    throw new WeightsError(`${path}: there is no zip64 end record at byte ${at}; the file is damaged`)
  const directory = { offset: readSize(record, 48), byteLength: readSize(record, 40), entries: readSize(record, 32) }
  return checkDirectory(directory, at, path)
}

function checkDirectory(directory: Directory, limit: number, path: string): Directory {
  if (directory.offset + directory.byteLength <= limit) return directory
  throw new WeightsError(
    `${path}: the zip directory is said to be bytes ${directory.offset} to ${directory.offset + directory.byteLength}, but it must end before byte ${limit}; the file is damaged`,
  )
}

function parseDirectory(bytes: Buffer, { entries }: Directory, path: string): CentralEntry[] {
  const found: CentralEntry[] = []
  const names = new Set<string>()
  let at = 0
  while (at < bytes.length) {
    if (at + CENTRAL_BYTES > bytes.length || bytes.readUInt32LE(at) !== CENTRAL_SIGNATURE)
      throw new WeightsError(`${path}: entry ${found.length} of the zip directory is damaged`)
    const nameEnd = at + CENTRAL_BYTES + bytes.readUInt16LE(at + 28)
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30)
    const next = extraEnd + bytes.readUInt16LE(at + 32)
    if (next > bytes.length) throw new WeightsError(`${path}: entry ${found.length} of the zip directory is cut off`)
    const name = bytes.toString('utf8', at + CENTRAL_BYTES, nameEnd)
    if (names.has(name)) throw new WeightsError(`${path}: the zip archive holds ${JSON.stringify(name)} twice`)
    names.add(name)
    found.push(parseEntry(bytes.subarray(at, next), name, bytes.subarray(nameEnd, extraEnd), path))
    at = next
  }
  if (found.length !== entries)
    throw new WeightsError(`${path}: the zip directory claims ${entries} entries but holds ${found.length}`)
  return found
}

function parseEntry(header: Buffer, name: string, extra: Buffer, path: string): CentralEntry {
  const where = `${path}: zip entry ${JSON.stringify(name)}`
  if ((header.readUInt16LE(8) & ENCRYPTED) !== 0) throw new WeightsError(`${where} is encrypted`)
  const method = header.readUInt16LE(10)
  if (method !== STORED)
    throw new WeightsError(
      `${where} is compressed (method ${method}); torch.save stores entries as they are. Load the file in PyTorch and save it again`,
    )
  const wide = zip64Sizes(header, extra, where)
  const byteLength = wide(24)
  const storedLength = wide(20)
  const headerOffset = wide(42)
  if (storedLength !== byteLength)
    throw new WeightsError(`${where} is stored in ${storedLength} bytes but is said to have ${byteLength}`)
  return { name, byteLength, headerOffset }
}

/** Reads a 32-bit field, or the next 64-bit one of the zip64 field in its place; the order is fixed: sizes, then offset. */
function zip64Sizes(header: Buffer, extra: Buffer, where: string): (field: number) => number {
  const field = findExtra(extra, where)
  let at = 0
  return (offset) => {
    const narrow = header.readUInt32LE(offset)
    if (narrow !== IN_ZIP64) return narrow
    if (field === undefined || at + 8 > field.length) throw new WeightsError(`${where} lacks its zip64 sizes`)
    at += 8
    return readSize(field, at - 8)
  }
}

function findExtra(extra: Buffer, where: string): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) throw new WeightsError(`${where} has extra fields that are cut off`)
    if (extra.readUInt16LE(at) === ZIP64_FIELD) return extra.subarray(at + 4, end)
    at = end
  }
  return undefined
}

/** An entry's bytes begin after its own header, whose length only that header knows. */
async function place(handle: FileHandle, entry: CentralEntry, directory: Directory, path: string) {
  const { name, byteLength, headerOffset } = entry
  const where = `${path}: zip entry ${JSON.stringify(name)}`
  if (headerOffset + LOCAL_BYTES + byteLength > directory.offset)
    throw new WeightsError(
      `${where} is said to have ${byteLength} bytes from byte ${headerOffset} on, but the entries end at byte ${directory.offset}`,
    )
  const header = Buffer.alloc(LOCAL_BYTES)
  await readExactly(handle, header, headerOffset, path)
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE)
    throw new WeightsError(`${where} has no header at byte ${headerOffset}`)
  const byteOffset = headerOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (byteOffset + byteLength > directory.offset)
    throw new WeightsError(`${where} runs to byte ${byteOffset + byteLength}, into the directory of the archive`)
  return [name, { byteOffset, byteLength, headerOffset }] as const
}

function checkOverlap(placed: readonly (readonly [string, ZipEntry & { headerOffset: number }])[], path: string): void {
  const inOrder = [...placed].sort(([, a], [, b]) => a.headerOffset - b.headerOffset)
  let end = 0
  for (const [name, { byteOffset, byteLength, headerOffset }] of inOrder) {
    if (headerOffset < end)
      throw new WeightsError(`${path}: zip entry ${JSON.stringify(name)} lies over the entry before it`)
    end = byteOffset + byteLength
  }
}

/** A 64-bit size. Beyond 2^53 it loses its last digits, which no check against a file's size needs. */
const readSize = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))
