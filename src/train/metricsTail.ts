import { open } from 'node:fs/promises'

export type MetricsLine = Readonly<Record<string, number>>

/**
 * Follows a metrics.jsonl while it grows. Only what is new is read; a file that was shortened, as by a run that goes on
 * from an earlier checkpoint, is read anew.
 */
export class MetricsTail {
  readonly #path: string
  #lines: MetricsLine[] = []
  #file = 0
  #offset = 0

  constructor(path: string) {
    this.#path = path
  }

  /** All lines so far, by step. Throws the file system's error where there is no file. */
  async read(): Promise<readonly MetricsLine[]> {
    const file = await open(this.#path)
    try {
      const { ino, size } = await file.stat()
      if (ino !== this.#file || size < this.#offset) {
        this.#lines = []
        this.#offset = 0
        this.#file = ino
      }
      const bytes = Buffer.alloc(size - this.#offset)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#offset)
      // The last line may be under way.
      const end = bytes.subarray(0, bytesRead).lastIndexOf('\n') + 1
      this.#offset += end
      for (const line of bytes.toString('utf8', 0, end).split('\n'))
        if (line !== '') this.#lines.push(JSON.parse(line) as MetricsLine)
      return this.#lines
    } finally {
      await file.close()
    }
  }
}
