import type { Io } from './io.js'

export interface ProgressLine {
  readonly report: (doing: string, done: number, total: number) => void
  /** Takes the line away. */
  readonly clear: () => void
}

/** Milliseconds between two updates. */
const INTERVAL = 100
const CLEAR_LINE = '\r\x1b[K'

/** One line that is written over as work goes on; nothing where nobody watches. */
export function progressLine(io: Io): ProgressLine {
  let last = 0
  return {
    report: (doing, done, total) => {
      if (!io.interactive) return
      const now = Date.now()
      if (now - last < INTERVAL && done < total) return
      last = now
      io.err(`${CLEAR_LINE}${doing}: ${done} of ${total}`)
    },
    clear: () => {
      if (io.interactive && last > 0) io.err(CLEAR_LINE)
    },
  }
}
