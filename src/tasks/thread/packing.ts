import { isRaw } from '../../image/rawImage.js'
import { EncodedImage } from '../imageEncoder.js'

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
