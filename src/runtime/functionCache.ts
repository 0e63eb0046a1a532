import { DisposedError } from '../errors.js'
import type { CompiledFunction } from './session.js'

/**
 * Compiled functions by key (shapes, usually). The least recently used ones are disposed when there are more than
 * `limit`, so run what `get` gave before asking for the next; disposing the cache disposes them all.
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
    try {
      await this.#evict()
      return await compiled
    } catch (error) {
      // By now the key may stand for a later attempt.
      if (this.#functions.get(key) === compiled) this.#functions.delete(key)
      throw error
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    const all = [...this.#functions.values()]
    this.#functions.clear()
    await Promise.all(all.map(disposeCompiled))
  }

  async #evict(): Promise<void> {
    const surplus = [...this.#functions].slice(0, Math.max(0, this.#functions.size - this.#limit))
    for (const [key] of surplus) this.#functions.delete(key)
    await Promise.all(surplus.map(([, compiled]) => disposeCompiled(compiled)))
  }
}

/** A failed compilation leaves nothing to dispose; who asked for it has the error. */
async function disposeCompiled(compiled: Promise<Pick<CompiledFunction, 'dispose'>>): Promise<void> {
  const [settled] = await Promise.allSettled([compiled])
  if (settled.status === 'fulfilled') await settled.value.dispose()
}
