import { DisposedError, RuntimeError } from '../errors.js'
import { unpackError } from '../runtime/workerMessages.js'
import type { Method, MethodArguments, StreamingMethod } from '../tasks/thread/modelCalls.js'
import { unpack } from '../tasks/thread/packing.js'
import type { LoadProgress, Opened, OpenRequest, Request, Response } from './messages.js'

type Body<T> = T extends unknown ? Omit<T, 'id'> : never

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** The page's end of a worker that holds one model. */
export class Connection {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #next = 0
  #death: Error | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.addEventListener('message', ({ data }: MessageEvent<Response>) => this.#answered(data))
    worker.addEventListener('messageerror', () => this.#end(new RuntimeError('an answer of the worker was lost')))
    worker.addEventListener('error', (event) => this.#end(deathOf(event)))
  }

  async open(
    request: OpenRequest,
    onProgress: ((progress: LoadProgress) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Opened> {
    return (await this.#ask({ kind: 'open', ...request }, { signal, onProgress })) as Opened
  }

  async call(method: Method, args: MethodArguments, signal: AbortSignal | undefined): Promise<unknown> {
    return unpack(await this.#ask({ kind: 'call', method, ...args }, { signal }))
  }

  /** Pieces are made as they are asked for, so a stream that is left early costs no more. */
  async *stream(
    method: StreamingMethod,
    args: MethodArguments,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<unknown, unknown> {
    const stream = await this.#ask({ kind: 'stream', method, ...args }, { signal })
    let finished = false
    try {
      for (;;) {
        const step = await this.#ask({ kind: 'next', stream: stream as number }, { signal, aborts: stream as number })
        const { value, done } = step as IteratorResult<unknown, unknown>
        finished = done === true
        if (finished) return value
        yield value
      }
    } catch (error) {
      finished = true
      // Between two pieces nothing waits for an answer, so the worker has not heard of an abort there.
      if (signal?.aborted) this.#worker.postMessage({ id: stream as number, kind: 'abort' } satisfies Request)
      throw error
    } finally {
      if (!finished && !this.#death) await this.#ask({ kind: 'return', stream: stream as number })
    }
  }

  /** Lets the calls under way end, frees the model's memory and ends the worker. */
  async dispose(): Promise<void> {
    if (this.#death) return
    await this.#ask({ kind: 'dispose' })
    this.#end(disposed())
  }

  /** Ends the worker at once. */
  terminate(): void {
    this.#end(disposed())
  }

  #ask(
    body: Body<Request>,
    options: {
      readonly signal?: AbortSignal | undefined
      /** The request that the signal aborts; this one where it is left out. */
      readonly aborts?: number
      readonly onProgress?: Pending['onProgress']
    } = {},
  ): Promise<unknown> {
    const { signal, onProgress } = options
    if (this.#death) return Promise.reject(this.#death)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const id = this.#next++
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress })
      this.#worker.postMessage({ id, ...body } as Request)
    })
    if (!signal) return answer
    const abort = () => {
      this.#worker.postMessage({ id: options.aborts ?? id, kind: 'abort' } satisfies Request)
      this.#pending.get(id)?.reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    return answer.finally(() => signal.removeEventListener('abort', abort))
  }

  #answered(response: Response): void {
    const pending = this.#pending.get(response.id)
    if (response.kind === 'progress') {
      pending?.onProgress?.(response.progress)
      return
    }
    this.#pending.delete(response.id)
    if (response.kind === 'done') pending?.resolve(response.value)
    else pending?.reject(unpackError(response.error))
  }

  #end(death: Error): void {
    this.#death ??= death
    this.#worker.terminate()
    for (const { reject } of this.#pending.values()) reject(this.#death)
    this.#pending.clear()
  }
}

const disposed = () => new DisposedError('this model was disposed; open it again')

/** A script that does not load has no message. */
const deathOf = ({ message, filename }: ErrorEvent): Error =>
  new RuntimeError(
    message
      ? `the model's worker broke: ${message}; open the model again`
      : `the model's worker ${filename || 'script'} did not load; serve worker.js beside the package's index.js, or give its address as workerUrl`,
  )
