import { DisposedError } from '../errors.js'
import type { CompiledFunction } from './session.js'

/**
 * Compiled functions by key (shapes, usually). The least recently used one is disposed when there are more than
 * `limit`; disposing the cache disposes them all.
 */
export class FunctionCache<F extends Pick<CompiledFunction, 'dispose'> = CompiledFunction> {
  readonly #limit: number
  readonly #functions = new Map<string, Promise<F>>()
  #disposed = false

  constructor(limit = 16) {
    this.#limit = limit
  }

  /** The function for `key`, compiled by `compile` the first time. A failed compilation is not kept. */
  async get(key: string, compile: () => Promise<F>): Promise<F> {
    if (this.#disposed) throw new DisposedError('the functions of this model were disposed')
    const known = this.#functions.get(key)
    if (known) {
      this.#functions.delete(key)
      this.#functions.set(key, known)
      return known
    }
    const compiled = compile()
    this.#functions.set(key, compiled)
    compiled.catch(() => this.#functions.delete(key))
    const [oldest] = this.#functions
    if (this.#functions.size > this.#limit && oldest) {
      this.#functions.delete(oldest[0])
      await (await oldest[1]).dispose()
    }
    return compiled
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    const all = [...this.#functions.values()]
    this.#functions.clear()
    await Promise.all(all.map(async (compiled) => (await compiled).dispose()))
  }
}
