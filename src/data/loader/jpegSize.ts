export interface PictureSize {
  readonly width: number
  readonly height: number
}

const START = 0xd8
const SCAN = 0xda
const APP1 = 0xe1

/**
 * The size of a JPEG as it is seen upright, from its markers, which spares opening it with a decoder twice.
 * @returns undefined for anything else, and for what is unusual in any way: the decoder is to be asked then.
 */
export function jpegSize(bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0xff00 + START) return undefined
  let size: PictureSize | undefined
  let orientation: number | undefined
  for (let at = 2; at + 9 <= bytes.length; ) {
    const [first, marker, length] = [bytes[at]!, bytes[at + 1]!, view.getUint16(at + 2)]
    if (first !== 0xff) return undefined
    if (marker === SCAN) return upright(size, orientation ?? 1)
    // Markers below 0xc0 and from 0xd0 to 0xd7 have no length; they do not come before the first scan.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= START) || length < 2) return undefined
    if (isFrame(marker)) size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
    if (marker === APP1 && isExif(bytes, at + 4)) {
      if (orientation !== undefined || at + 2 + length > bytes.length) return undefined
      orientation = exifOrientation(new DataView(view.buffer, view.byteOffset + at + 10, length - 8))
      if (orientation === undefined) return undefined
    }
    at += 2 + length
  }
  return undefined
}

/** SOF0 to SOF15, but for the tables of Huffman codes and arithmetic coding, and what is reserved, between them. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** A height of 0 is told only after the scan. */
function upright(size: PictureSize | undefined, orientation: number): PictureSize | undefined {
  if (!size || size.width === 0 || size.height === 0) return undefined
  return orientation >= 5 ? { width: size.height, height: size.width } : size
}

const isExif = (bytes: Uint8Array, at: number): boolean =>
  [...'Exif\0\0'].every((char, i) => bytes[at + i] === char.charCodeAt(0))

const ORIENTATION = 0x0112
const SHORT = 3
const ENTRY_BYTES = 12

/** From a TIFF header on: 1 to 8, 1 where there is none. Undefined where it is not as the standard has it. */
function exifOrientation(tiff: DataView): number | undefined {
  if (tiff.byteLength < 8) return undefined
  const order = tiff.getUint16(0)
  const little = order === 0x4949
  if (!little && order !== 0x4d4d) return undefined
  const first = tiff.getUint32(4, little)
  if (first + 2 > tiff.byteLength) return undefined
  const count = tiff.getUint16(first, little)
  if (first + 2 + count * ENTRY_BYTES > tiff.byteLength) return undefined
  for (let entry = first + 2; entry < first + 2 + count * ENTRY_BYTES; entry += ENTRY_BYTES) {
    if (tiff.getUint16(entry, little) !== ORIENTATION) continue
    const value = tiff.getUint16(entry + 8, little)
    return tiff.getUint16(entry + 2, little) === SHORT && value >= 1 && value <= 8 ? value : undefined
  }
  return 1
}
