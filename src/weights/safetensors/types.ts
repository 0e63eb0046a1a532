/** Bytes per element of every element type a safetensors file may name here (little-endian in the file). */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const

export type SafetensorsDtype = keyof typeof DTYPE_BYTES

export const isSafetensorsDtype = (name: unknown): name is SafetensorsDtype =>
  typeof name === 'string' && Object.hasOwn(DTYPE_BYTES, name)

/** Where one tensor lies. ONNX external data takes `byteOffset` and `byteLength` as they are, unless there are `strides`. */
export interface TensorInfo {
  /** Path of the file. */
  readonly file: string
  readonly dtype: SafetensorsDtype
  readonly shape: readonly number[]
  /** From the start of the file, header included. */
  readonly byteOffset: number
  /** Of the values alone, in the order of the shape. */
  readonly byteLength: number
  /** Elements from one index to the next, by dimension, where the values do not lie row by row. PyTorch files only. */
  readonly strides?: readonly number[]
}

/** Named tensors of one file or of a directory of files. A name that is not there throws a WeightsError. */
export interface TensorTable {
  /** The file or directory, for messages. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  tensor(name: string): TensorInfo
  /**
   * The values as float32; F32, F16 and BF16 are taken, other dtypes throw a WeightsError.
   * @param into Receives the values and is returned; its length must be the element count.
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>
  /** The values of an I64 tensor. */
  readInt64(name: string): Promise<BigInt64Array>
  /** The values' bytes in the order of the shape, whatever the dtype. */
  readRaw(name: string): Promise<Uint8Array>
}
