import type { FileHandle } from 'node:fs/promises'

import { WeightsError } from '../../errors.js'
import { openWeights, readExactly, readFloats } from '../readBytes.js'
import { widenHalf } from '../safetensors/half.js'
import { DTYPE_BYTES, type TensorInfo, type TensorTable } from '../safetensors/types.js'
import { checkInt64, findTensor, floatTarget } from '../tensorAccess.js'
import { elementSpan, gather } from './gather.js'
import { readPickle } from './pickle.js'
import { stateDictionary } from './stateDictionary.js'
import { tensorHost } from './tensors.js'
import { readZipEntries, type ZipEntry } from './zip.js'

// The pickle holds names and places only: some hundred bytes a tensor.
const MAX_PICKLE_BYTES = 64 << 20

const ZIP_START = 0x04034b50
const PICKLE_START = 0x80

/**
 * An open checkpoint of PyTorch's (`.pth`, `.pt`, `.bin`), in the zip format that torch.save writes since version 1.6.
 * Its pickle is read, not run: it can make dictionaries and tensors and nothing else. Each tensor's values are read from
 * their place in the archive only when asked for. Close it after use, or declare it with `await using`.
 *
 * Names are those of the state dict: the file's own dictionary, or the one it holds under `model` (the authors'
 * checkpoints) or `state_dict`. Checksums of the archive are not verified.
 */
export class PytorchFile implements TensorTable {
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** What the state dict holds beside tensors: numbers, strings. */
  readonly others: ReadonlyMap<string, unknown>
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle, content: ReturnType<typeof stateDictionary>) {
    this.path = path
    this.tensors = content.tensors
    this.others = content.others
    this.#handle = handle
  }

  /** Throws a WeightsError where the file is missing, damaged, of the old format, or wants to run something. */
  static open(path: string): Promise<PytorchFile> {
    return openWeights(path, async (handle) => new PytorchFile(path, handle, await readContent(handle, path)))
  }

  tensor(name: string): TensorInfo {
    return findTensor(this, name)
  }

  async readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    const info = this.tensor(name)
    const { dtype, values } = floatTarget(this.path, name, info, into)
    if (info.strides === undefined) await readFloats(this.#handle, dtype, values, info.byteOffset, this.path)
    else {
      const { buffer } = await this.readRaw(name)
      if (dtype === 'F32') values.set(new Float32Array(buffer))
      else widenHalf(dtype, new Uint16Array(buffer), values)
    }
    return values
  }

  async readInt64(name: string): Promise<BigInt64Array> {
    checkInt64(this.path, name, this.tensor(name))
    return new BigInt64Array((await this.readRaw(name)).buffer)
  }

  /** The values' bytes in the order of the shape, alone on their own buffer. */
  async readRaw(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { dtype, shape, strides, byteOffset, byteLength } = this.tensor(name)
    const stored = strides === undefined ? byteLength : elementSpan(shape, strides) * DTYPE_BYTES[dtype]
    const bytes = new Uint8Array(stored)
    await readExactly(this.#handle, bytes, byteOffset, this.path)
    return strides === undefined ? bytes : gather(bytes, shape, strides, DTYPE_BYTES[dtype])
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function readContent(handle: FileHandle, path: string) {
  const stat = await handle.stat()
  if (!stat.isFile()) throw new WeightsError(`${path}: expected a PyTorch checkpoint, this is not a regular file`)
  await checkFormat(handle, stat.size, path)
  const entries = await readZipEntries(handle, stat.size, path)
  const root = archiveRoot(entries, path)
  await checkByteOrder(handle, entries.get(`${root}byteorder`), path)
  const pickle = await readEntry(handle, entries.get(`${root}data.pkl`)!, path)
  const storages = new Map(
    [...entries]
      .filter(([name]) => name.startsWith(`${root}data/`))
      .map(([name, entry]) => [name.slice(`${root}data/`.length), entry] as const),
  )
  return stateDictionary(readPickle(pickle, tensorHost(storages, path), path), path)
}

async function checkFormat(handle: FileHandle, fileBytes: number, path: string): Promise<void> {
  const start = Buffer.alloc(Math.min(4, fileBytes))
  await readExactly(handle, start, 0, path)
  if (start.length === 4 && start.readUInt32LE(0) === ZIP_START) return
  const kind = start[0] === PICKLE_START ? 'a bare pickle, the format of PyTorch before 1.6' : 'no zip archive'
  throw new WeightsError(
    `${path}: expected a checkpoint in the zip format of torch.save; this is ${kind}. Load it in PyTorch, if you trust it, and save it again`,
  )
}

/** All entries lie in one folder, named after the file that was first written. */
function archiveRoot(entries: ReadonlyMap<string, ZipEntry>, path: string): string {
  const roots = [...entries.keys()].flatMap((name) => /^([^/]+\/)data\.pkl$/.exec(name)?.[1] ?? [])
  const [root] = roots
  if (root === undefined || roots.length > 1)
    throw new WeightsError(`${path}: expected one data.pkl in the archive, found ${roots.length}`)
  if (entries.has(`${root}constants.pkl`))
    throw new WeightsError(
      `${path}: this is a TorchScript program, not a checkpoint. Load it in PyTorch with torch.jit.load and save its state_dict()`,
    )
  return root
}

/** Files from before PyTorch 2.1 do not say; those that do not are little-endian. */
async function checkByteOrder(handle: FileHandle, entry: ZipEntry | undefined, path: string): Promise<void> {
  if (entry === undefined) return
  const order = new TextDecoder().decode(await readEntry(handle, entry, path))
  if (order !== 'little') throw new WeightsError(`${path}: expected little-endian values, the archive says ${order}`)
}

async function readEntry(handle: FileHandle, { byteOffset, byteLength }: ZipEntry, path: string): Promise<Uint8Array> {
  if (byteLength > MAX_PICKLE_BYTES)
    throw new WeightsError(`${path}: the pickle claims ${byteLength} bytes, above the limit of ${MAX_PICKLE_BYTES}`)
  const bytes = new Uint8Array(byteLength)
  await readExactly(handle, bytes, byteOffset, path)
  return bytes
}
