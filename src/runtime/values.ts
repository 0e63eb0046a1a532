import type * as ort from 'onnxruntime-node'
import { DtypeError, ShapeError } from '../errors.js'
import { type DType, formatShape } from '../graph/types.js'

/** The array that holds each element type; bool is one byte, the half types are their bits. */
export interface ArrayOf {
  float32: Float32Array
  float16: Uint16Array
  bfloat16: Uint16Array
  int64: BigInt64Array
  int32: Int32Array
  int8: Int8Array
  uint8: Uint8Array
  bool: Uint8Array
}
export type Data = ArrayOf[DType]

/** A tensor with its data, row-major. */
export interface Value<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: ArrayOf[D]
}

const constructors = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} satisfies Record<DType, unknown>

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** Whether an array is of the kind that holds this element type. */
export const isArrayOf = (dtype: DType, data: Data): boolean => data instanceof constructors[dtype]

/** A tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): Value<D> {
  return { dtype, shape, data: new constructors[dtype](count(shape)) as ArrayOf[D] }
}

/** A tensor from an array; nothing is copied. Throws a ShapeError when the sizes do not fit. */
export function value<D extends DType>(dtype: D, shape: readonly number[], data: ArrayOf[D]): Value<D> {
  if (!isArrayOf(dtype, data))
    throw new DtypeError(`a ${dtype} tensor needs a ${constructors[dtype].name}, got ${data.constructor.name}`)
  if (data.length !== count(shape))
    throw new ShapeError(`a tensor of shape ${formatShape(shape)} needs ${count(shape)} values, got ${data.length}`)
  return { dtype, shape, data }
}

export const float32 = (shape: readonly number[], data: Float32Array): Value<'float32'> => value('float32', shape, data)

/** int64 from ordinary numbers. */
export const int64 = (shape: readonly number[], data: ArrayLike<number | bigint>): Value<'int64'> =>
  value('int64', shape, data instanceof BigInt64Array ? data : BigInt64Array.from(data as ArrayLike<number>, BigInt))

/** The runtime's view of a value, sharing its memory. */
export const toOrt = (runtime: Pick<typeof ort, 'Tensor'>, { dtype, shape, data }: Value): ort.Tensor =>
  // The runtime's constructor is overloaded by literal type; the pair (dtype, array) is kept right by Value.
  new (runtime.Tensor as new (type: string, data: Data, dims: readonly number[]) => ort.Tensor)(dtype, data, shape)
