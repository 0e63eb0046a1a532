import { expect, it } from 'vitest'
import { Connection } from '../../src/browser/connection.js'
import type { Request } from '../../src/browser/messages.js'

/** The worker's end, which has a stream of so many pieces and is slow after that. */
class PieceWorker extends EventTarget {
  readonly received: Request[] = []
  #pieces: number

  constructor(pieces: number) {
    super()
    this.#pieces = pieces
  }

  postMessage(request: Request): void {
    this.received.push(request)
    const { id, kind } = request
    if (kind === 'abort' || (kind === 'next' && this.#pieces-- <= 0)) return
    const value = kind === 'stream' ? id : { value: 'piece', done: false }
    queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data: { id, kind: 'done', value } })))
  }

  terminate(): void {}
}

it.each([
  ['between two pieces', 3],
  ['while a piece is being made', 1],
])('a stream that is aborted %s is ended in the worker too', async (_, pieces) => {
  const worker = new PieceWorker(pieces)
  const connection = new Connection(worker as unknown as Worker)
  const controller = new AbortController()
  const stream = connection.stream('caption', { args: [], options: {} } as never, controller.signal)
  expect(await stream.next()).toEqual({ value: 'piece', done: false })
  if (pieces > 1) controller.abort()
  const next = stream.next()
  setTimeout(() => controller.abort())
  await expect(next).rejects.toMatchObject({ name: 'AbortError' })
  const [{ id }] = worker.received as [Request]
  expect(worker.received).toContainEqual({ id, kind: 'abort' })
})

it('a stream that is left early is ended in the worker', async () => {
  const worker = new PieceWorker(3)
  const stream = new Connection(worker as unknown as Worker).stream('caption', { args: [] } as never, undefined)
  for await (const piece of stream) {
    expect(piece).toBe('piece')
    break
  }
  expect(worker.received.at(-1)).toMatchObject({ kind: 'return', stream: worker.received[0]!.id })
})
