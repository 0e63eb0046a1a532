import { Worker } from 'node:worker_threads'
import { DisposedError, RuntimeError } from '../../errors.js'
import { unpackError } from '../workerMessages.js'
import type { CallRequest, CallResponse } from './callMessages.js'

export interface CallOptions<Piece> {
  /** Rejects the call at once with the signal's reason, and tells the thread to stop working on it. */
  readonly signal?: AbortSignal
  /** Takes what the call gives before its result. */
  readonly onPiece?: (piece: Piece) => void
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (reason: unknown) => void
  readonly onPiece: (piece: unknown) => void
}

/**
 * A thread that answers calls (`answerCalls`), several at a time. It keeps the process alive while there are calls under
 * way. End it when done.
 */
export class CallThread<Call, Piece = string> {
  /** Resolves when the thread ends without having been told to, with what it died of. */
  readonly died: Promise<Error>
  readonly #worker: Worker
  readonly #exit: Promise<void>
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #death: Error | undefined

  /** @param data What the script finds as its workerData. */
  constructor(script: URL, data: unknown) {
    // Without the process's own flags: one like --eval is not for a thread.
    this.#worker = new Worker(script, { workerData: data, execArgv: [] })
    this.#worker.unref()
    this.#worker.on('message', (response: CallResponse) => this.#answered(response))
    this.#exit = new Promise((resolve) => {
      this.#worker.once('exit', () => resolve())
    })
    this.died = new Promise((resolve) => {
      const die = (cause: unknown) => {
        if (this.#death) return
        const message = cause instanceof Error ? cause.message : `it ended with code ${cause}`
        resolve(this.#die(new RuntimeError(`a worker thread broke: ${message}`, { cause })))
      }
      this.#worker.on('error', die)
      this.#worker.on('messageerror', die)
      this.#worker.once('exit', die)
    })
  }

  call<Result>(call: Call, { signal, onPiece = () => {} }: CallOptions<Piece> = {}): Promise<Result> {
    if (this.#death) return Promise.reject(this.#death)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const id = this.#nextId++
    return new Promise<Result>((resolve, reject) => {
      const abort = () => {
        this.#forget(id)
        this.#send({ kind: 'abort', id })
        reject(signal!.reason)
      }
      const settled = () => signal?.removeEventListener('abort', abort)
      // Throws for what cannot be cloned; then nothing waits for an answer.
      this.#send({ kind: 'call', id, call })
      this.#waiting.set(id, {
        resolve: (result) => {
          settled()
          resolve(result as Result)
        },
        reject: (reason) => {
          settled()
          reject(reason)
        },
        onPiece: onPiece as (piece: unknown) => void,
      })
      this.#worker.ref()
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Rejects the calls under way and those to come, lets the thread free what it holds, and waits for its end. */
  end(message = 'the thread was ended'): Promise<void> {
    if (!this.#death) {
      this.#die(new DisposedError(message))
      this.#worker.ref()
      this.#send({ kind: 'end' })
    }
    return this.#exit
  }

  #send(request: CallRequest<Call>): void {
    this.#worker.postMessage(request)
  }

  #answered(response: CallResponse): void {
    // What comes after an abort is for nobody.
    const waiting = this.#waiting.get(response.id)
    if (!waiting) return
    if (response.kind === 'piece') {
      waiting.onPiece(response.piece)
      return
    }
    this.#forget(response.id)
    if (response.kind === 'done') waiting.resolve(response.result)
    else waiting.reject(unpackError(response.error))
  }

  #forget(id: number): void {
    this.#waiting.delete(id)
    if (this.#waiting.size === 0 && !this.#death) this.#worker.unref()
  }

  #die(death: Error): Error {
    this.#death = death
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(death)
    return death
  }
}

/**
 * The script of a thread, from its path in the compiled package. Node 20 does not load TypeScript: run from the sources,
 * the thread takes the built script.
 */
export function threadScript(path: string): URL {
  const root = import.meta.url.endsWith('.ts') ? '../../../dist/' : '../../'
  return new URL(`${root}${path}`, import.meta.url)
}
