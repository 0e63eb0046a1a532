import { DataError } from '../../errors.js'

export const BLOCK = 512

/** One header block. `type` is the raw flag: '0', '\0' and '7' are files. */
export interface TarHeader {
  readonly name: string
  /** Bytes of data that follow. */
  readonly size: number
  readonly type: string
}

/**
 * Reads a header block (ustar, old v7 or GNU).
 * @param place Names the archive and the offset, for messages.
 * @returns undefined for a block of zeros, which ends an archive.
 * @throws DataError where the checksum is wrong or a number is not one.
 */
export function parseTarHeader(block: Uint8Array, place: string): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (checksum(block) !== number(block.subarray(148, 156), 'checksum', place))
    throw new DataError(`${place}: not a tar header (its checksum is wrong); the archive is damaged or not a tar file`)
  const name = text(block.subarray(0, 100))
  const isUstar = text(block.subarray(257, 263)) === 'ustar' && block[262] === 0
  // GNU archives ("ustar  ") keep other things where POSIX has the prefix.
  const prefix = isUstar ? text(block.subarray(345, 500)) : ''
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: number(block.subarray(124, 136), 'size', place),
    type: String.fromCharCode(block[156]!),
  }
}

/** A text field: up to its first zero byte. */
export function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return utf8.decode(end === -1 ? bytes : bytes.subarray(0, end))
}

const utf8 = new TextDecoder()

/** The sum of all bytes, with the field of the checksum itself read as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!
  return sum
}

function number(field: Uint8Array, what: string, place: string): number {
  const value = (field[0]! & 0x80) === 0 ? octal(field) : base256(field)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new DataError(`${place}: the ${what} in the tar header is not a number`)
  return value
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim()
  if (digits === '') return 0
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

/** GNU's form for sizes of 8 GB and more: big-endian, the first bit set. */
function base256(field: Uint8Array): number {
  return field.reduce((value, byte, i) => value * 256 + (i === 0 ? byte & 0x7f : byte), 0)
}
