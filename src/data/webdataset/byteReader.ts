/** Takes bytes off a stream of chunks, by count. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)
  #offset = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset
  }

  /** The next `count` bytes; fewer at the end of the stream. They are a copy. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count)
    let filled = 0
    while (filled < count && (await this.#ready())) {
      const piece = this.#advance(count - filled)
      bytes.set(piece, filled)
      filled += piece.length
    }
    return filled === count ? bytes : bytes.slice(0, filled)
  }

  /** Passes over `count` bytes. @returns How many there were. */
  async skip(count: number): Promise<number> {
    let skipped = 0
    while (skipped < count && (await this.#ready())) skipped += this.#advance(count - skipped).length
    return skipped
  }

  /** Ends the stream early, so that its file or connection is closed. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  async #ready(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done) return false
      this.#chunk = value
    }
    return true
  }

  #advance(most: number): Uint8Array {
    const piece = this.#chunk.subarray(0, most)
    this.#chunk = this.#chunk.subarray(piece.length)
    this.#offset += piece.length
    return piece
  }
}
