import { DataError } from '../../errors.js'
import { BLOCK } from './tarHeader.js'

/** Two blocks of zeros end an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK)

/**
 * A file as the bytes of an archive, in ustar's form: header, data, padding to a whole block. Owner, mode and time are
 * the same for all, so equal contents give equal archives.
 *
 * @throws DataError for a name beyond 100 bytes of ASCII or a file of 8 GB and more, which this form does not hold.
 */
export function tarMember(name: string, data: Uint8Array): Uint8Array {
  if (!/^[\x20-\x7e]{1,100}$/.test(name))
    throw new DataError(`${JSON.stringify(name)} is no name for a tar member; expected 1 to 100 characters of ASCII`)
  if (data.length > MAX_BYTES) throw new DataError(`${name} has ${data.length} bytes; a tar member holds ${MAX_BYTES}`)
  const padded = Math.ceil(data.length / BLOCK) * BLOCK
  const member = new Uint8Array(BLOCK + padded)
  member.set(header(name, data.length))
  member.set(data, BLOCK)
  return member
}

/** Eleven octal digits. */
const MAX_BYTES = 8 ** 11 - 1

function header(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${octal(size, 11)}\0`, 124)
  block.write(`${octal(0, 11)}\0`, 136)
  // The checksum is taken with spaces in its own field.
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
