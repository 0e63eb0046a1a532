import { WeightsError } from '../../errors.js'
import { DTYPE_BYTES, type SafetensorsDtype, type TensorInfo } from '../safetensors/types.js'
import { PickleFunction, type PickleHost } from './pickle.js'
import type { ZipEntry } from './zip.js'

/** The storage types that torch.save names, as element types. */
const STORAGE_DTYPES: ReadonlyMap<string, SafetensorsDtype> = new Map([
  ['DoubleStorage', 'F64'],
  ['FloatStorage', 'F32'],
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['LongStorage', 'I64'],
  ['IntStorage', 'I32'],
  ['ShortStorage', 'I16'],
  ['CharStorage', 'I8'],
  ['ByteStorage', 'U8'],
  ['BoolStorage', 'BOOL'],
])

/** A tensor of the pickle: where its values lie. */
export class PickledTensor {
  readonly info: TensorInfo

  constructor(info: TensorInfo) {
    this.info = info
  }
}

class StorageType {
  readonly dtype: SafetensorsDtype

  constructor(dtype: SafetensorsDtype) {
    this.dtype = dtype
  }
}

class Storage {
  readonly dtype: SafetensorsDtype
  readonly elements: number
  readonly byteOffset: number

  constructor(dtype: SafetensorsDtype, elements: number, byteOffset: number) {
    this.dtype = dtype
    this.elements = elements
    this.byteOffset = byteOffset
  }
}

/**
 * Everything that a checkpoint's pickle may name: ordered dictionaries, tensors, parameters and their storages.
 * @param storages The archive's entries by storage key.
 */
export function tensorHost(storages: ReadonlyMap<string, ZipEntry>, path: string): PickleHost {
  const functions = new Map(
    [
      new PickleFunction('collections.OrderedDict', ([pairs = []]) => orderedDictionary(pairs, path)),
      new PickleFunction('torch._utils._rebuild_tensor_v2', (args) => rebuildTensor(args, path)),
      new PickleFunction('torch._utils._rebuild_parameter', ([tensor]) => expectTensor(tensor, path)),
    ].map((allowed) => [allowed.name, allowed]),
  )
  return {
    global: (module, name) => {
      const full = `${module}.${name}`
      const dtype = module === 'torch' ? STORAGE_DTYPES.get(name) : undefined
      const found = dtype === undefined ? functions.get(full) : new StorageType(dtype)
      if (found !== undefined) return found
      throw new WeightsError(
        `${path}: the pickle names ${full}, which is refused: a checkpoint of tensors needs only ${[...functions.keys()].join(', ')} and torch's storage types. Load it in PyTorch, if you trust it, and save its state dict`,
      )
    },
    persistent: (id) => findStorage(id, storages, path),
  }
}

function orderedDictionary(pairs: unknown, path: string): Map<unknown, unknown> {
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw new WeightsError(`${path}: the pickle makes an OrderedDict of what are no pairs`)
  return new Map(pairs as [unknown, unknown][])
}

/** id: ('storage', type, key, location, number of elements) */
function findStorage(id: unknown, storages: ReadonlyMap<string, ZipEntry>, path: string): Storage {
  const [kind, type, key, , elements] = Array.isArray(id) ? (id as unknown[]) : []
  if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isSize(elements))
    throw new WeightsError(`${path}: the pickle refers to what is no storage of a tensor`)
  const entry = storages.get(key)
  if (entry === undefined) throw new WeightsError(`${path}: storage ${JSON.stringify(key)} is not in the archive`)
  const expected = elements * DTYPE_BYTES[type.dtype]
  if (entry.byteLength !== expected)
    throw new WeightsError(
      `${path}: storage ${JSON.stringify(key)} is said to hold ${elements} ${type.dtype} values, ${expected} bytes, but has ${entry.byteLength}`,
    )
  return new Storage(type.dtype, elements, entry.byteOffset)
}

/** args: storage, offset, shape, strides (in elements), requires_grad, hooks and, since PyTorch 1.13, metadata */
function rebuildTensor([storage, offset, shape, strides]: readonly unknown[], path: string): PickledTensor {
  if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides))
    throw new WeightsError(`${path}: the pickle holds a tensor without storage, offset, shape or strides`)
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1)
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset)
  const what = `a tensor [${shape.join(', ')}] with strides [${strides.join(', ')}] from element ${offset} on`
  if (strides.length !== shape.length || offset > storage.elements || (elements > 0 && last >= storage.elements))
    throw new WeightsError(`${path}: the pickle holds ${what}, beyond its storage of ${storage.elements} elements`)
  if (elements > storage.elements)
    throw new WeightsError(
      `${path}: the pickle holds ${what}, which repeats its storage of ${storage.elements} elements; save a contiguous copy of it`,
    )
  const bytes = DTYPE_BYTES[storage.dtype]
  return new PickledTensor({
    file: path,
    dtype: storage.dtype,
    shape,
    byteOffset: storage.byteOffset + offset * bytes,
    byteLength: elements * bytes,
    ...(isContiguous(shape, strides) ? {} : { strides }),
  })
}

function expectTensor(value: unknown, path: string): PickledTensor {
  if (value instanceof PickledTensor) return value
  throw new WeightsError(`${path}: the pickle makes a parameter of what is no tensor`)
}

/** Whether the values lie row by row. The stride of a dimension of size 1 is never taken. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true
  let expected = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false
    expected *= shape[i]!
  }
  return true
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every(isSize)
