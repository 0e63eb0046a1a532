import { crc32c } from './crc32c.js'

/** One record of a TFRecord file: its length and its data, each followed by a masked checksum, little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, masked(crc32c(data)), true)
  return record
}

/** TensorFlow masks checksums, so that one of data that holds checksums is none of the usual ones. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
