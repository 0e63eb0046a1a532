/** Places that are taken and given back; who finds none free waits for one, first come first served. */
export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** @throws the signal's reason when it fires first. */
  acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(take)
        reject(signal.reason)
      }
      const take = () => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      this.#waiting.add(take)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  release(): void {
    const [next] = this.#waiting
    if (!next) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
