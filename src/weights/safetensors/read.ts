import { type FileHandle, open } from 'node:fs/promises'

import { WeightsError } from '../../errors.js'
import { type HalfDtype, widenHalf } from './half.js'
import { LENGTH_BYTES, parseHeader, parseHeaderLength, type SafetensorsHeader } from './header.js'
import { DTYPE_BYTES, type TensorInfo, type TensorTable } from './types.js'

// Values read at a time while widening: small beside a model, large beside the cost of a read.
const WIDEN_VALUES = 1 << 20
// The platform reads less than 2 GiB at a time.
const MAX_READ_BYTES = 1 << 30

/**
 * An open .safetensors file: the header is read and checked at once, each tensor only when asked for.
 * Close it after use, or declare it with `await using`.
 */
export class SafetensorsFile implements TensorTable {
  readonly path: string
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle, header: SafetensorsHeader) {
    this.path = path
    this.metadata = header.metadata
    this.tensors = header.tensors
    this.#handle = handle
  }

  /** Throws a WeightsError where the file is missing, unreadable or its header is not to be trusted. */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw new WeightsError(`${path}: cannot open the weights file`, { cause })
    })
    try {
      return new SafetensorsFile(path, handle, await readHeader(handle, path))
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  tensor(name: string): TensorInfo {
    const info = this.tensors.get(name)
    if (info === undefined) throw new WeightsError(`${this.path}: no tensor is called ${JSON.stringify(name)}`)
    return info
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    const info = this.tensor(name)
    const { dtype, byteOffset, byteLength } = info
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
      throw new WeightsError(`${this.path}: tensor ${JSON.stringify(name)} is ${dtype}; expected F32, F16 or BF16`)
    const count = byteLength / DTYPE_BYTES[dtype]
    if (into !== undefined && into.length !== count)
      throw new WeightsError(
        `${this.path}: tensor ${JSON.stringify(name)} has ${count} values, but the array to fill has ${into.length}`,
      )
    const values = into ?? new Float32Array(count)
    if (dtype === 'F32') await readExactly(this.#handle, bytesOf(values), byteOffset, this.path)
    else await this.#readHalf(dtype, byteOffset, values)
    return values
  }

  async readInt64(name: string): Promise<BigInt64Array> {
    const info = this.tensor(name)
    if (info.dtype !== 'I64')
      throw new WeightsError(`${this.path}: tensor ${JSON.stringify(name)} is ${info.dtype}; expected I64`)
    return new BigInt64Array((await this.readRaw(name)).buffer)
  }

  /** The stored bytes, alone on their own buffer. */
  async readRaw(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { byteOffset, byteLength } = this.tensor(name)
    const bytes = new Uint8Array(byteLength)
    await readExactly(this.#handle, bytes, byteOffset, this.path)
    return bytes
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #readHalf(dtype: HalfDtype, byteOffset: number, values: Float32Array): Promise<void> {
    const scratch = new Uint16Array(Math.min(WIDEN_VALUES, values.length))
    for (let start = 0; start < values.length; start += WIDEN_VALUES) {
      const part = values.subarray(start, start + WIDEN_VALUES)
      const bits = scratch.subarray(0, part.length)
      await readExactly(this.#handle, bytesOf(bits), byteOffset + 2 * start, this.path)
      widenHalf(dtype, bits, part)
    }
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<SafetensorsHeader> {
  const stat = await handle.stat()
  if (!stat.isFile()) throw new WeightsError(`${path}: expected a .safetensors file, this is not a regular file`)
  const prefix = new Uint8Array(Math.min(LENGTH_BYTES, stat.size))
  await readExactly(handle, prefix, 0, path)
  const header = new Uint8Array(parseHeaderLength(prefix, stat.size, path))
  await readExactly(handle, header, LENGTH_BYTES, path)
  return parseHeader(header, stat.size, path)
}

/** Fills `into` from `position` on; throws where the file ends first (it was truncated after it was opened). */
async function readExactly(handle: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  let done = 0
  while (done < into.byteLength) {
    const length = Math.min(into.byteLength - done, MAX_READ_BYTES)
    const { bytesRead } = await handle.read(into, done, length, position + done).catch((cause: unknown) => {
      throw new WeightsError(`${path}: cannot read ${length} bytes at ${position + done}`, { cause })
    })
    if (bytesRead === 0)
      throw new WeightsError(`${path}: the file ends at byte ${position + done}; it changed while being read`)
    done += bytesRead
  }
}

const bytesOf = (array: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
