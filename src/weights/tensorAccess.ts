import { WeightsError } from '../errors.js'
import type { HalfDtype } from './safetensors/half.js'
import { DTYPE_BYTES, type TensorInfo, type TensorTable } from './safetensors/types.js'

export const findTensor = (table: Pick<TensorTable, 'path' | 'tensors'>, name: string): TensorInfo => {
  const info = table.tensors.get(name)
  if (info === undefined) throw new WeightsError(`${table.path}: no tensor is called ${JSON.stringify(name)}`)
  return info
}

/** The dtype of a tensor that is read as float32, and the array that takes its values: `into` where it fits, or a new one. */
export function floatTarget(
  path: string,
  name: string,
  { dtype, byteLength }: TensorInfo,
  into: Float32Array | undefined,
): { readonly dtype: 'F32' | HalfDtype; readonly values: Float32Array } {
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    throw new WeightsError(`${path}: tensor ${JSON.stringify(name)} is ${dtype}; expected F32, F16 or BF16`)
  const count = byteLength / DTYPE_BYTES[dtype]
  if (into !== undefined && into.length !== count)
    throw new WeightsError(
      `${path}: tensor ${JSON.stringify(name)} has ${count} values, but the array to fill has ${into.length}`,
    )
  return { dtype, values: into ?? new Float32Array(count) }
}

/** Throws a WeightsError for a tensor that is not I64. */
export function checkInt64(path: string, name: string, { dtype }: TensorInfo): void {
  if (dtype !== 'I64') throw new WeightsError(`${path}: tensor ${JSON.stringify(name)} is ${dtype}; expected I64`)
}
