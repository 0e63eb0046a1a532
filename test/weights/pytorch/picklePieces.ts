/** Pieces of pickles, for files that Python would not write. */
const bytes = (...parts: (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.of(part) : typeof part === 'string' ? Buffer.from(part) : part,
    ),
  )

const uint32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}

export const pickle = (...parts: (string | Uint8Array)[]): Buffer => bytes(0x80, 2, ...parts, '.')
export const text = (value: string): Buffer => bytes('X', uint32(Buffer.byteLength(value)), value)
export const global = (module: string, name: string): Buffer => bytes(`c${module}\n${name}\n`)
export const tuple = (...parts: Uint8Array[]): Buffer => bytes('(', ...parts, 't')
export const call = (callee: Uint8Array, ...args: Uint8Array[]): Buffer => bytes(callee, tuple(...args), 'R')
export const dictionary = (...items: Uint8Array[]): Buffer => bytes('}(', ...items, 'u')
export const NO = bytes(0x89)

/** Eight bytes: the format has no unsigned 32-bit integer. */
export function integer(value: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64LE(BigInt(value))
  return bytes(0x8a, 8, buffer)
}

export const storage = (type: string, key: string, elements: number): Buffer =>
  bytes(tuple(text('storage'), global('torch', type), text(key), text('cpu'), integer(elements)), 'Q')

export interface TestTensor {
  readonly type?: string
  readonly key?: string
  readonly elements: number
  readonly offset?: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

export const tensor = ({
  type = 'FloatStorage',
  key = '0',
  elements,
  offset = 0,
  shape,
  strides,
}: TestTensor): Buffer =>
  call(
    global('torch._utils', '_rebuild_tensor_v2'),
    storage(type, key, elements),
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    NO,
    call(global('collections', 'OrderedDict')),
  )
