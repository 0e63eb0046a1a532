import { Worker } from 'node:worker_threads'
import { ConfigError, DisposedError, RuntimeError } from '../../errors.js'
import { unpackError } from '../../runtime/workerMessages.js'
import type { LoadPicture } from './mixtureLoader.js'
import type { TrainingView, TrainingViewOptions } from './trainingView.js'
import type { ViewRequest, ViewResponse } from './viewMessages.js'

// Node 20 does not load TypeScript: run from the sources, the threads take the built script.
const SCRIPT = import.meta.url.endsWith('.ts')
  ? new URL('../../../dist/data/loader/viewThreadMain.js', import.meta.url)
  : new URL('./viewThreadMain.js', import.meta.url)

interface Waiting {
  readonly resolve: (view: TrainingView) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
}

/**
 * Threads that load pictures as `trainingView` does, with the same results, so that decoding and augmentation go on
 * while the main thread runs a training step. Idle threads do not keep the process alive. Close them when done.
 */
export class ViewThreads {
  readonly #threads: readonly Thread[]
  readonly #spare: Float32Array[] = []
  #nextId = 0
  #end: Error | undefined

  /** @param threads Default 2. */
  constructor(options: TrainingViewOptions, threads = 2) {
    if (!(Number.isInteger(threads) && threads >= 1)) throw new ConfigError(`expected 1 thread or more, got ${threads}`)
    this.#threads = Array.from({ length: threads }, () => this.#start(options))
  }

  /** To be given to a MixtureLoader. */
  readonly load: LoadPicture<TrainingView> = async (picture, random, signal) => {
    signal?.throwIfAborted()
    if (this.#end) throw this.#end
    const thread = this.#threads.reduce((least, one) => (one.waiting.size < least.waiting.size ? one : least))
    const id = this.#nextId++
    let abort = () => {}
    try {
      return await new Promise<TrainingView>((resolve, reject) => {
        abort = () => reject(signal?.reason)
        signal?.addEventListener('abort', abort, { once: true })
        thread.waiting.set(id, { resolve, reject })
        thread.worker.ref()
        const into = this.#spare.pop()
        const request: ViewRequest = { id, picture, random: random.state, ...(into ? { into } : {}) }
        thread.worker.postMessage(request, into ? [into.buffer as ArrayBuffer] : [])
      })
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Gives back a view that is no longer needed: a later one is written there, which spares the collector much work. */
  recycle({ pixels }: TrainingView): void {
    this.#spare.push(pixels)
  }

  /** Ends the threads; what is being loaded is rejected with a DisposedError. */
  async close(): Promise<void> {
    this.#fail(new DisposedError('the threads that load pictures were closed'))
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #start(options: TrainingViewOptions): Thread {
    const thread: Thread = { worker: new Worker(SCRIPT, { workerData: options, execArgv: [] }), waiting: new Map() }
    thread.worker.unref()
    thread.worker.on('message', (response: ViewResponse) => answered(thread, response))
    thread.worker.on('error', (cause) => {
      this.#fail(new RuntimeError(`a thread that loads pictures broke: ${(cause as Error).message}`, { cause }))
    })
    thread.worker.on('exit', (code) => {
      this.#fail(new RuntimeError(`a thread that loads pictures ended with code ${code}`))
    })
    return thread
  }

  #fail(error: Error): void {
    this.#end ??= error
    for (const { waiting } of this.#threads) {
      for (const { reject } of waiting.values()) reject(this.#end)
      waiting.clear()
    }
  }
}

function answered({ worker, waiting }: Thread, { id, view, error }: ViewResponse): void {
  const asked = waiting.get(id)
  waiting.delete(id)
  if (waiting.size === 0) worker.unref()
  if (view) asked?.resolve(view)
  else asked?.reject(unpackError(error))
}
