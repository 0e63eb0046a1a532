/** Counts of cosines in bins of one width over [-1, 1]. */
export type Histogram = number[]

export const BINS = 100

export const emptyHistogram = (): Histogram => Array.from({ length: BINS }, () => 0)

/** Counts a cosine; what lies outside by rounding belongs to the last bin. */
export function count(histogram: Histogram, cosine: number): void {
  const bin = Math.floor(((cosine + 1) / 2) * BINS)
  histogram[Math.min(Math.max(bin, 0), BINS - 1)]!++
}

export const addHistograms = (a: Histogram, b: Histogram): Histogram => a.map((value, i) => value + b[i]!)

/** The cosine at which a bin begins. */
export const binStart = (bin: number): number => (2 * bin) / BINS - 1
