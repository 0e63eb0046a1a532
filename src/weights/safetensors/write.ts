import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { WeightsError } from '../../errors.js'
import { replaceFile } from '../replaceFile.js'
import { type HalfDtype, narrowHalf } from './half.js'
import { DTYPE_BYTES, type SafetensorsDtype } from './types.js'

export type TensorArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** A tensor held in memory. A Float32Array with dtype F16 or BF16 is converted while it is written. */
export interface HeldTensor {
  readonly shape: readonly number[]
  readonly data: TensorArray
  /** Stored type; by default the array's own, and `WriteOptions.dtype` for a Float32Array. */
  readonly dtype?: SafetensorsDtype
}

/** A tensor produced when its turn comes, for files larger than memory. */
export interface LazyTensor {
  readonly shape: readonly number[]
  readonly dtype: SafetensorsDtype
  readonly read: () => Promise<TensorArray>
}

export type TensorToWrite = HeldTensor | LazyTensor

export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>
  /** Stored type of Float32Arrays that name none. Default F32. */
  readonly dtype?: 'F32' | HalfDtype
  /** Sees every byte in order, for a checksum. */
  readonly onBytes?: (bytes: Uint8Array) => void
}

// Values converted, and bytes written, at a time.
const NARROW_VALUES = 1 << 20
const WRITE_BYTES = 1 << 26

/**
 * Writes a .safetensors file: under a temporary name beside it, flushed to the disk, then renamed, so that `path` holds
 * either the old file or the whole new one. No second copy of the tensors is held. Throws a WeightsError for a tensor
 * whose data does not fit its shape and dtype, and the file system's own error (ENOSPC, EACCES) as it is, leaving no
 * temporary file.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  options: WriteOptions = {},
): Promise<void> {
  const placed = placeTensors(tensors, options.dtype ?? 'F32')
  await replaceFile(path, async (file) => {
    const write = (bytes: Uint8Array) => writeAll(file, bytes, options.onBytes)
    await write(encodeHeader(placed, options.metadata))
    for (const tensor of placed) await writeTensor(write, tensor)
  })
  await syncDirectory(dirname(path))
}

/** Makes the renames in a directory survive a power cut. Windows cannot open a directory and needs no such call. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

interface PlacedTensor {
  readonly name: string
  readonly dtype: SafetensorsDtype
  readonly shape: readonly number[]
  readonly count: number
  readonly source: TensorToWrite
}

/** Widest elements first, so that each tensor is aligned to its element size; otherwise in the caller's order. */
function placeTensors(tensors: ReadonlyMap<string, TensorToWrite>, floatDtype: SafetensorsDtype): PlacedTensor[] {
  const placed = [...tensors].map(([name, source]) => {
    const dtype = 'data' in source ? (source.dtype ?? dtypeOf(source.data, floatDtype)) : source.dtype
    const count = source.shape.reduce((product, size) => product * size, 1)
    if (name === '__metadata__')
      throw new WeightsError('no tensor may be called __metadata__: the format keeps that name')
    if (!source.shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new WeightsError(
        `tensor ${JSON.stringify(name)}: [${source.shape.join(', ')}] is not a shape of sizes >= 0`,
      )
    return { name, dtype, shape: source.shape, count, source }
  })
  return placed.sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype])
}

function dtypeOf(data: TensorArray, floatDtype: SafetensorsDtype): SafetensorsDtype {
  if (data instanceof Float32Array) return floatDtype
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof BigInt64Array) return 'I64'
  if (data instanceof BigUint64Array) return 'U64'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof Uint32Array) return 'U32'
  if (data instanceof Int16Array) return 'I16'
  if (data instanceof Uint16Array) return 'U16'
  return data instanceof Int8Array ? 'I8' : 'U8'
}

/** The length and the JSON, padded with spaces so that the data begins on a multiple of 8 bytes. */
function encodeHeader(tensors: readonly PlacedTensor[], metadata: WriteOptions['metadata']): Uint8Array {
  const entries: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]]
  let offset = 0
  for (const { name, dtype, shape, count } of tensors) {
    const end = offset + count * DTYPE_BYTES[dtype]
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }])
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const bytes = new Uint8Array(8 + Math.ceil(json.byteLength / 8) * 8).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.byteLength - 8), true)
  bytes.set(json, 8)
  return bytes
}

type Write = (bytes: Uint8Array) => Promise<void>

async function writeTensor(write: Write, { name, dtype, shape, count, source }: PlacedTensor): Promise<void> {
  const data = 'data' in source ? source.data : await source.read()
  const half = (dtype === 'F16' || dtype === 'BF16') && data instanceof Float32Array
  const bytes = half ? data.length * 2 : data.byteLength
  if (bytes !== count * DTYPE_BYTES[dtype])
    throw new WeightsError(
      `tensor ${JSON.stringify(name)}: ${dtype} [${shape.join(', ')}] takes ${count * DTYPE_BYTES[dtype]} bytes, but its data has ${bytes}`,
    )
  if (half) await writeNarrowed(write, dtype, data)
  else await write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

async function writeNarrowed(write: Write, dtype: HalfDtype, values: Float32Array): Promise<void> {
  const scratch = new Uint16Array(Math.min(NARROW_VALUES, values.length))
  for (let start = 0; start < values.length; start += NARROW_VALUES) {
    const part = values.subarray(start, start + NARROW_VALUES)
    narrowHalf(dtype, part, scratch)
    await write(new Uint8Array(scratch.buffer, 0, 2 * part.length))
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, onBytes: WriteOptions['onBytes']): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.byteLength - done, WRITE_BYTES))
    onBytes?.(bytes.subarray(done, done + bytesWritten))
    done += bytesWritten
  }
}
