/** How a tar file may be packed. */
export type Packing = 'gzip' | 'bzip2' | 'xz' | 'zstd'

/** The first bytes of each; undefined is any byte. A tar file begins with a name, which may be called "BZh9.jpg". */
const MARKS: Readonly<Record<Packing, readonly (number | undefined)[]>> = {
  gzip: [0x1f, 0x8b],
  bzip2: [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
}

/** So many bytes tell. */
export const PACKING_MARK_BYTES = Math.max(...Object.values(MARKS).map(({ length }) => length))

/** How a file that begins so is packed; undefined for one that is not. */
export function packingOf(first: Uint8Array): Packing | undefined {
  const packings = Object.keys(MARKS) as Packing[]
  return packings.find((packing) => MARKS[packing].every((byte, i) => byte === undefined || first[i] === byte))
}

/** Whether a name is that of a tar file, packed or not. */
export const isTarName = (name: string): boolean => /\.(tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$/i.test(name)
