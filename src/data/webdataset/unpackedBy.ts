import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DataError } from '../../errors.js'
import type { Packing } from './packing.js'

/** What is kept of a program's complaint. */
const COMPLAINT_LENGTH = 200

/**
 * What a program of this machine unpacks of a stream, in chunks. It is ended when no more is wanted.
 * @throws DataError where the program is not installed, or says that the stream is damaged; errors of the stream itself.
 */
export async function* unpackedBy(
  program: Exclude<Packing, 'gzip'>,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ['-dc'])
  const ended = new Promise<number | null | NodeJS.ErrnoException>((resolve) => {
    child.once('error', resolve)
    child.once('close', resolve)
  })
  let complaint = ''
  child.stderr.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(0, COMPLAINT_LENGTH)
  })
  const source = new WatchedStream(chunks)
  // That a program which ended takes no more is no error: its exit code tells why it ended.
  const fed = pipeline(Readable.from(source), child.stdin).catch(() => {})
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>
    const [result] = await Promise.all([ended, fed])
    source.throwIfFailed()
    if (result instanceof Error)
      throw new DataError(
        `${name} is packed with ${program}, and the program ${program} cannot be run (${result.code}); install it, or unpack the file`,
        { cause: result },
      )
    if (result !== 0)
      throw new DataError(
        `${name} is a damaged or truncated ${program} file (${complaint.trim()}); fetch or pack it again`,
      )
  } finally {
    child.kill()
    await ended
  }
}

/** A stream that remembers its own failure, apart from that of what it is piped into. */
class WatchedStream {
  readonly #chunks: AsyncIterable<Uint8Array>
  #failure: { readonly error: unknown } | undefined

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const chunks = this.#chunks[Symbol.asyncIterator]()
    const next = () =>
      chunks.next().catch((error: unknown) => {
        this.#failure = { error }
        throw error
      })
    try {
      for (let step = await next(); !step.done; step = await next()) yield step.value
    } finally {
      await chunks.return?.()
    }
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error
  }
}
