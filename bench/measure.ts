/** Median of `runs` timed calls after one that is not counted, in seconds. */
export async function medianSeconds(run: () => unknown | Promise<unknown>, runs: number): Promise<number> {
  await run()
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    await run()
    times.push((performance.now() - start) / 1000)
  }
  return median(times)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Uniform values in [-scale, scale] from a fixed linear congruential sequence. */
export function randomValues(size: number, scale: number): Float32Array {
  let state = 12345
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * scale
  })
}
