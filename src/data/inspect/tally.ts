/** What numbers of a kind there were. */
export interface Spread {
  readonly count: number
  readonly min: number
  readonly median: number
  readonly mean: number
  readonly max: number
}

/** Counts whole numbers that come one after another; it holds each different one once. */
export class Tally {
  readonly #counts = new Map<number, number>()

  add(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1)
  }

  /** Undefined where nothing came. The median is the lower one of two. */
  get spread(): Spread | undefined {
    const sorted = [...this.#counts].sort(([a], [b]) => a - b)
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (!first || !last) return undefined
    const count = sorted.reduce((sum, [, times]) => sum + times, 0)
    const total = sorted.reduce((sum, [value, times]) => sum + value * times, 0)
    return { count, min: first[0], median: medianOf(sorted, count), mean: total / count, max: last[0] }
  }
}

function medianOf(sorted: readonly (readonly [value: number, times: number])[], count: number): number {
  let before = 0
  for (const [value, times] of sorted) {
    before += times
    if (before >= count / 2) return value
  }
  return Number.NaN
}
