/** Indices of the k largest values, largest first; the lower index wins ties. */
export function topK(values: ArrayLike<number>, k: number): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i)
  return order.sort((a, b) => values[b]! - values[a]! || a - b).slice(0, k)
}
