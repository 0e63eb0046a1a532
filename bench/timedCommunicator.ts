import type { Communicator, Elements } from '../src/train/comm/communicator.js'

/** Adds up the time that a rank spends in collectives, waiting for slower ranks included. */
export class TimedCommunicator implements Communicator {
  seconds = 0
  readonly rank: number
  readonly size: number
  readonly #inner: Communicator

  constructor(inner: Communicator) {
    this.#inner = inner
    this.rank = inner.rank
    this.size = inner.size
  }

  allReduceSum = (values: Float32Array) => this.#time(this.#inner.allReduceSum(values))
  allGather = <T extends Elements>(values: T) => this.#time(this.#inner.allGather(values))
  allToAll = <T extends Elements>(send: T, sendCounts: readonly number[], receiveCounts: readonly number[]) =>
    this.#time(this.#inner.allToAll(send, sendCounts, receiveCounts))
  broadcast = (values: Elements, root?: number) => this.#time(this.#inner.broadcast(values, root))
  barrier = (limited?: boolean) => this.#time(this.#inner.barrier(limited))
  dispose = () => this.#inner.dispose()

  async #time<T>(call: Promise<T>): Promise<T> {
    const start = performance.now()
    const result = await call
    this.seconds += (performance.now() - start) / 1000
    return result
  }
}
