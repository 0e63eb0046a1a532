/** What ranks exchange: each kind is one MPI type. */
export type Elements = Float32Array | Int32Array

/**
 * The processes of one training. Every rank calls the same collectives in the same order, with arrays of the same length;
 * each ends when all ranks have called it. Calls are queued: one runs at a time.
 */
export interface Communicator {
  /** 0 writes the files. */
  readonly rank: number
  readonly size: number
  /** Adds up the arrays of all ranks, in place. */
  allReduceSum(values: Float32Array): Promise<void>
  /** The arrays of all ranks one after the other: [length] -> [size * length] */
  allGather<T extends Elements>(values: T): Promise<T>
  /**
   * Each rank sends each other a part of its array. `send` holds the parts by receiver, of `sendCounts[rank]` elements;
   * the result holds those received by sender, of `receiveCounts[rank]`.
   */
  allToAll<T extends Elements>(send: T, sendCounts: readonly number[], receiveCounts: readonly number[]): Promise<T>
  /** Overwrites the array with that of the root rank (default 0). */
  broadcast(values: Elements, root?: number): Promise<void>
  /**
   * Resolves when all ranks have called it.
   * @param limited Whether the others are given up after the usual time (default true).
   */
  barrier(limited?: boolean): Promise<void>
  /** Ends the communication, when all ranks have called it. A rank that ends without it ends the whole training. */
  dispose(): Promise<void>
}

/** The only process of a training. Nothing is copied or waited for. */
export class SingleProcess implements Communicator {
  readonly rank = 0
  readonly size = 1

  async allReduceSum(): Promise<void> {}

  async allGather<T extends Elements>(values: T): Promise<T> {
    return values
  }

  async allToAll<T extends Elements>(send: T): Promise<T> {
    return send
  }

  async broadcast(): Promise<void> {}

  async barrier(): Promise<void> {}

  async dispose(): Promise<void> {}
}
