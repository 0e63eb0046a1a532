import { createHash } from 'node:crypto'

/** Paths that are remembered; the oldest is forgotten first. */
const REMEMBERED = 10_000

/** The files that searches of the index found. They, and no others, can be asked for, by a name that is no path. */
export class FoundPictures {
  readonly #paths = new Map<string, string>()

  /** The name of a file that was found. */
  remember(path: string): string {
    const name = createHash('sha256').update(path).digest('hex').slice(0, 32)
    this.#paths.delete(name)
    this.#paths.set(name, path)
    const [oldest] = this.#paths.keys()
    if (this.#paths.size > REMEMBERED) this.#paths.delete(oldest!)
    return name
  }

  pathOf(name: string): string | undefined {
    return this.#paths.get(name)
  }
}
