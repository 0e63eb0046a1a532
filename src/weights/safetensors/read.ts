import type { FileHandle } from 'node:fs/promises'

import { WeightsError } from '../../errors.js'
import { openWeights, readExactly, readFloats } from '../readBytes.js'
import { checkInt64, findTensor, floatTarget } from '../tensorAccess.js'
import { LENGTH_BYTES, parseHeader, parseHeaderLength, type SafetensorsHeader } from './header.js'
import type { TensorInfo, TensorTable } from './types.js'

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
  static open(path: string): Promise<SafetensorsFile> {
    return openWeights(path, async (handle) => new SafetensorsFile(path, handle, await readHeader(handle, path)))
  }

  tensor(name: string): TensorInfo {
    return findTensor(this, name)
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    const info = this.tensor(name)
    const { dtype, values } = floatTarget(this.path, name, info, into)
    await readFloats(this.#handle, dtype, values, info.byteOffset, this.path)
    return values
  }

  async readInt64(name: string): Promise<BigInt64Array> {
    checkInt64(this.path, name, this.tensor(name))
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
