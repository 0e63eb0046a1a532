import { ConfigError } from '../../errors.js'
import { isRaw } from '../../image/rawImage.js'
import { EncodedImage } from '../imageEncoder.js'
import { type Method, type MethodArguments, METHODS } from './modelCalls.js'

/**
 * The arguments of a method as they go to its thread, and the signal, which stays here.
 *
 * @throws ConfigError for an option that is a function, which cannot go there.
 */
export function packArguments(
  method: Method,
  given: readonly unknown[],
): [MethodArguments, signal: AbortSignal | undefined] {
  const count = METHODS[method]
  const args = Array.from({ length: count }, (_, i) => pack(given[i]))
  const { signal, ...options } = (given[count] ?? {}) as { readonly signal?: AbortSignal }
  refuseFunctions(options)
  return [{ args, options }, signal]
}

/** What the method is called with in its thread. */
export const unpackArguments = ({ args, options }: MethodArguments, signal: AbortSignal): unknown[] => [
  ...args.map(unpack),
  { ...options, signal },
]

/** @throws ConfigError that names the option. */
export function refuseFunctions(options: object): void {
  const found = Object.entries(options).find(([, option]) => typeof option === 'function')
  if (found)
    throw new ConfigError(`the option ${found[0]} is a function, which cannot go to the model's thread; leave it out`)
}

/**
 * A value as it goes to a thread and back. Copying loses classes, so encoded pictures and addresses are marked as such;
 * of bytes that are part of a larger buffer the part alone goes. Arrays are looked into, other objects are not.
 */
export function pack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pack)
  if (value instanceof EncodedImage)
    return {
      encodedImage: value.features,
      ...(value.retrieval ? { retrieval: value.retrieval.features } : {}),
    } satisfies PackedImage
  if (value instanceof URL) return { address: value.href } satisfies PackedAddress
  if (isRaw(value)) return { ...value, data: compact(value.data) }
  return value instanceof Uint8Array ? compact(value) : value
}

export function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack)
  if (typeof value !== 'object' || value === null) return value
  if ('encodedImage' in value) return imageOf(value as PackedImage)
  return 'address' in value ? new URL((value as PackedAddress).address) : value
}

interface PackedImage {
  readonly encodedImage: Float32Array
  readonly retrieval?: Float32Array
}

interface PackedAddress {
  readonly address: string
}

const imageOf = ({ encodedImage, retrieval }: PackedImage): EncodedImage =>
  new EncodedImage(encodedImage, retrieval && new EncodedImage(retrieval))

/** Alone on its memory: of a view, a thread would get the whole buffer. */
const compact = (bytes: Uint8Array | Uint8ClampedArray): Uint8Array | Uint8ClampedArray =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
