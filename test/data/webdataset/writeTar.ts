export interface Entry {
  readonly name: string
  readonly data?: string | Uint8Array
  /** The flag of the header; '0' is a file. */
  readonly type?: string
  /** What the header claims, if not the length of the data. */
  readonly size?: number
}

/** A tar archive of these entries, as bytes. Names are cut to what a header holds. */
export function writeTar(entries: readonly Entry[], { end = true } = {}): Uint8Array {
  const blocks = entries.flatMap(({ name, data = '', type = '0', size }) => {
    const bytes = Buffer.from(data)
    return [header(name, size ?? bytes.length, type), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat(end ? [...blocks, Buffer.alloc(1024)] : blocks)
}

function header(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  block.write('0000644\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** The bytes in chunks of the given lengths, the last of which repeats. */
export async function* chunked(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = Math.max(1, lengths[Math.min(i, lengths.length - 1)] ?? bytes.length)
    yield bytes.subarray(at, at + length)
    at += length
  }
}
