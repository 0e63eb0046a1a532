/** The world as a command sees it, so that it can be run in a test. */
export interface Io {
  /** Data: a text that ends in a line break. */
  readonly out: (text: string) => void
  /** What is not data: errors, warnings, progress. */
  readonly err: (text: string) => void
  /** Whether somebody watches `err`; without, there is no progress. */
  readonly interactive: boolean
  /** Whether `out` is a terminal, where what was drawn can be drawn over. */
  readonly outIsTerminal: boolean
  /** Fires on Ctrl-C, and when the process is told to end (SIGTERM). */
  readonly signal: AbortSignal
}

/**
 * The process's own streams. Ctrl-C stops at the next safe place, and so does SIGTERM, which batch systems and mpirun
 * send; a second one ends the process at once.
 */
export function processIo(): Io {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130)
      interrupted.abort()
    })
  // A reader such as `head` may leave early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    outIsTerminal: process.stdout.isTTY === true,
    signal: interrupted.signal,
  }
}

export const printJson = (io: Io, value: unknown): void => io.out(`${JSON.stringify(value)}\n`)
