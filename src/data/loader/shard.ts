/** Samples that are read one after another. */
export interface Shard<Sample> {
  /** The file, for messages; the same in every run. */
  readonly name: string
  /**
   * Reads from a position on: 0, or the `offset` or `next` of a sample. A DataError tells that the rest cannot be read.
   */
  samples(from: number, signal?: AbortSignal): AsyncIterable<PlacedSample<Sample>>
}

export interface PlacedSample<Sample> {
  readonly key: string
  /** Where it begins, in the shard's own measure. */
  readonly offset: number
  /** Where the next one begins. */
  readonly next: number
  /** What it takes in memory. */
  readonly bytes: number
  readonly sample: Sample
}
