import type { CallThread } from './callThread.js'

/**
 * A call whose pieces are given as they come, and whose result is returned. Who leaves before the end, or fires `signal`,
 * stops the thread's work on it.
 */
export async function* callStream<Call, Piece, Result>(
  thread: CallThread<Call, Piece>,
  call: Call,
  signal?: AbortSignal,
): AsyncGenerator<Piece, Result> {
  const left = new AbortController()
  const pieces: Piece[] = []
  let wake = () => {}
  let ended = false
  const whole = thread.call<Result>(call, {
    signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
    onPiece: (piece) => {
      pieces.push(piece)
      wake()
    },
  })
  const end = () => {
    ended = true
    wake()
  }
  whole.then(end, end)
  try {
    for (;;) {
      if (pieces.length > 0) yield pieces.shift()!
      else if (ended) return await whole
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    left.abort()
  }
}
