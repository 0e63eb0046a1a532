import { parentPort } from 'node:worker_threads'
import { RuntimeError } from '../../errors.js'
import { packError } from '../workerMessages.js'
import type { CallRequest, CallResponse } from './callMessages.js'

export interface CallContext {
  /** Fires when nobody waits for the call any more. */
  readonly signal: AbortSignal
  /** Sends a part of the result ahead. */
  readonly piece: (piece: unknown) => void
}

export interface CallHandler<Call> {
  /** Its result goes back by structured clone, as does the error it throws. */
  readonly answer: (call: Call, context: CallContext) => Promise<unknown>
  /** Frees what the thread holds. */
  readonly end: () => Promise<void>
}

/** The other side of a CallThread: answers the calls that come to this thread, each as it comes. */
export function answerCalls<Call>(handler: CallHandler<Call>): void {
  const port = parentPort
  if (!port) throw new RuntimeError('this module is started by a CallThread, in a thread of its own')
  const send = (response: CallResponse) => port.postMessage(response)
  const underWay = new Map<number, AbortController>()

  const answer = async (id: number, call: Call) => {
    const controller = new AbortController()
    underWay.set(id, controller)
    try {
      const piece = (part: unknown) => send({ kind: 'piece', id, piece: part })
      send({ kind: 'done', id, result: await handler.answer(call, { signal: controller.signal, piece }) })
    } catch (error) {
      send({ kind: 'failed', id, error: packError(error) })
    } finally {
      underWay.delete(id)
    }
  }

  port.on('message', async (request: CallRequest<Call>) => {
    if (request.kind === 'call') return answer(request.id, request.call)
    if (request.kind === 'abort') return underWay.get(request.id)?.abort()
    for (const controller of underWay.values()) controller.abort()
    await handler.end()
    // Without a listener nothing keeps the thread.
    port.close()
  })
}

/** Sends what a generator yields ahead as pieces, and gives what it returns. */
export async function sendPieces<T>(pieces: AsyncGenerator<unknown, T>, { piece }: CallContext): Promise<T> {
  for (;;) {
    const step = await pieces.next()
    if (step.done) return step.value
    piece(step.value)
  }
}
