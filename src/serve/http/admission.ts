import { HttpError } from './httpError.js'

/** Bounds how many requests are worked on or wait; one more is answered with 429 at once. */
export class Admission {
  readonly limit: number
  readonly #expectedWait: () => number
  #inside = 0
  #whenEmpty: (() => void)[] = []

  /** @param expectedWait Seconds until a request has its turn, for Retry-After. */
  constructor(limit: number, expectedWait: () => number) {
    this.limit = limit
    this.#expectedWait = expectedWait
  }

  get inside(): number {
    return this.#inside
  }

  /** Takes a place. -> gives it back; more than once does nothing */
  enter(): () => void {
    if (this.#inside >= this.limit) {
      const seconds = Math.max(1, Math.ceil(this.#expectedWait()))
      throw new HttpError(429, 'QUEUE_FULL', `${this.limit} requests are under way; try again in ${seconds} s`, {
        'retry-after': String(seconds),
      })
    }
    this.#inside++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#inside--
      if (this.#inside === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
    }
  }

  /** Resolves when nobody is inside. */
  empty(): Promise<void> {
    if (this.#inside === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }
}
