/**
 * Puts strided values in the order of their shape.
 * @param from Bytes from the tensor's first element to its last.
 * @param strides Elements from one index to the next, by dimension.
 */
export function gather(
  from: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  bytesPerElement: number,
): Uint8Array<ArrayBuffer> {
  const elements = shape.reduce((product, size) => product * size, 1)
  const gathered = new Uint8Array(elements * bytesPerElement)
  const index = shape.map(() => 0)
  let source = 0
  for (let element = 0; element < elements; element++) {
    for (let byte = 0; byte < bytesPerElement; byte++)
      gathered[element * bytesPerElement + byte] = from[source * bytesPerElement + byte]!
    // The next index: the last dimension counts fastest, a full one starts again.
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      source += strides[dimension]!
      if (++index[dimension]! < shape[dimension]!) break
      source -= shape[dimension]! * strides[dimension]!
      index[dimension] = 0
    }
  }
  return gathered
}

/** Elements from the first one to behind the last one. The shape holds no zero. */
export const elementSpan = (shape: readonly number[], strides: readonly number[]): number =>
  shape.reduce((span, size, i) => span + (size - 1) * strides[i]!, 1)
