import { type FileHandle, open } from 'node:fs/promises'

import { WeightsError } from '../errors.js'
import { type HalfDtype, widenHalf } from './safetensors/half.js'

// Values read at a time while widening: small beside a model, large beside the cost of a read.
const WIDEN_VALUES = 1 << 20
// The platform reads less than 2 GiB at a time.
const MAX_READ_BYTES = 1 << 30

/**
 * Opens a weights file and makes what reads it; closes it again where that fails. Throws a WeightsError where it cannot
 * be opened.
 */
export async function openWeights<T>(path: string, make: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new WeightsError(`${path}: cannot open the weights file`, { cause })
  })
  try {
    return await make(handle)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Fills `into` from `position` on; throws a WeightsError where the file ends first (it was truncated after it was opened). */
export async function readExactly(handle: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
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

/** Fills `values` from consecutive floats at `position`, widening halves piece by piece. */
export async function readFloats(
  handle: FileHandle,
  dtype: 'F32' | HalfDtype,
  values: Float32Array,
  position: number,
  path: string,
): Promise<void> {
  if (dtype === 'F32') return await readExactly(handle, bytesOf(values), position, path)
  const scratch = new Uint16Array(Math.min(WIDEN_VALUES, values.length))
  for (let start = 0; start < values.length; start += WIDEN_VALUES) {
    const part = values.subarray(start, start + WIDEN_VALUES)
    const bits = scratch.subarray(0, part.length)
    await readExactly(handle, bytesOf(bits), position + 2 * start, path)
    widenHalf(dtype, bits, part)
  }
}

const bytesOf = (array: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
