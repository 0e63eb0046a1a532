import { Worker } from 'node:worker_threads'
import { DisposedError, OutOfMemoryError, RuntimeError } from '../errors.js'
import type { Value } from './values.js'
import { type Request, type Response, unpackError } from './workerMessages.js'

// Node 20 does not load TypeScript: run from the sources, as the tests are, the thread takes the built script.
const SCRIPT = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/runtime/workerMain.js', import.meta.url)
  : new URL('./workerMain.js', import.meta.url)

type Results = Readonly<Record<string, Value>>

/** A thread running workerMain, which answers one request after the other. While idle it does not keep the process. */
export class WorkerThread {
  // Without the process's own flags: one like --eval is not for a thread.
  readonly #worker = new Worker(SCRIPT, { execArgv: [] })
  readonly #exit: Promise<void>
  #last: Promise<unknown> = Promise.resolve()
  #pending: { resolve: (results: Results) => void; reject: (reason: Error) => void } | undefined
  #death: Error | undefined

  constructor() {
    this.#worker.unref()
    this.#worker.on('message', (response: Response) => this.#answered(response))
    this.#worker.on('messageerror', (cause) => this.#die(deathOf(cause)))
    this.#worker.on('error', (cause) => this.#die(deathOf(cause)))
    this.#exit = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#die(new RuntimeError(`the thread of this function ended with code ${code}; compile it again`))
        resolve()
      })
    })
  }

  /**
   * The answer to a request, after those asked before it. The memory in `transferred` is lost to the caller. A signal
   * rejects at once with its reason; a request that was not sent yet never will be.
   */
  ask(request: Request, transferred: readonly ArrayBuffer[], signal?: AbortSignal): Promise<Results> {
    const answer = this.#last.then(() => {
      signal?.throwIfAborted()
      return this.#exchange(request, transferred)
    })
    // The next one waits for this one, whatever became of it.
    this.#last = answer.catch(() => undefined)
    return signal ? unlessAborted(answer, signal) : answer
  }

  /** Rejects all that is asked, lets a run that has begun end, frees the memory, and waits for the thread's end. */
  end(): Promise<void> {
    if (!this.#death) {
      this.#die(new DisposedError('this function was disposed before the run was done'))
      this.#worker.ref()
      this.#worker.postMessage({ kind: 'dispose' } satisfies Request)
    }
    return this.#exit
  }

  #exchange(request: Request, transferred: readonly ArrayBuffer[]): Promise<Results> {
    if (this.#death) throw this.#death
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#worker.postMessage(request, transferred)
    })
  }

  #answered(response: Response): void {
    // The answer to a run that was disposed comes late, to nobody.
    if (this.#death) return
    this.#worker.unref()
    if (response.kind === 'done') this.#pending?.resolve(response.results)
    else this.#pending?.reject(unpackError(response.error))
  }

  #die(death: Error): void {
    this.#death ??= death
    this.#pending?.reject(this.#death)
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function deathOf(cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new OutOfMemoryError('the thread of this function ran out of memory', { cause })
  return new RuntimeError(`the thread of this function broke: ${message}; compile it again`, { cause })
}
