import { EncodedImage } from '../tasks/imageEncoder.js'

/**
 * A value as it goes between the page and the worker. Copying loses classes, so an encoded picture is marked as one;
 * addresses go as text. Arrays are looked into, other objects are not.
 */
export function pack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pack)
  if (value instanceof EncodedImage) return { encodedImage: value.features } satisfies PackedImage
  return value instanceof URL ? value.href : value
}

export function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack)
  return isPackedImage(value) ? new EncodedImage(value.encodedImage) : value
}

interface PackedImage {
  readonly encodedImage: Float32Array
}

const isPackedImage = (value: unknown): value is PackedImage =>
  typeof value === 'object' && value !== null && 'encodedImage' in value && value.encodedImage instanceof Float32Array
