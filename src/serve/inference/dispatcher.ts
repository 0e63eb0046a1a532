import type { GeneratedText } from '../../tasks/textOptions.js'
import type { InferenceModel, InputOf, OptionsOf, ResultOf, TaskName, TextTaskName } from './inferenceModel.js'
import { Slots } from './slots.js'

export interface DispatcherOptions {
  /** Inputs that run together at most. */
  readonly maxBatch: number
  /** Texts that one model writes as streams at a time; others wait. */
  readonly maxStreams?: number
  /** Told of each batch that was run. */
  readonly onBatch?: (batch: BatchReport) => void
}

export interface BatchReport {
  readonly task: TaskName
  /** Requests and their inputs. */
  readonly requests: number
  readonly inputs: number
  readonly seconds: number
}

/** What one request asks for. The types of its fields belong together; `Dispatcher.run` saw to that. */
interface Job {
  readonly task: TaskName
  readonly options: OptionsOf<TaskName>
  /** Jobs with the same key can run together. */
  readonly key: string
  readonly inputs: readonly InputOf<TaskName>[]
  readonly signal: AbortSignal
  readonly resolve: (results: readonly ResultOf<TaskName>[]) => void
  readonly reject: (reason: unknown) => void
}

const DEFAULT_STREAMS = 4
/** Weight of the newest batch in the mean time of a request. */
const NEWEST = 0.2

/**
 * Gives work to models, each of which does one batch at a time. Requests for the same task with the same options run
 * together: while a batch runs, the next ones gather, so nothing waits for company. The oldest request is always in
 * the next batch. How many wait is bounded by who calls.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #idle: InferenceModel[]
  readonly #streams: { readonly model: InferenceModel; open: number }[]
  readonly #slots: Slots
  #queue: Job[] = []
  #meanSeconds = 0

  constructor(models: readonly InferenceModel[], options: DispatcherOptions) {
    this.#options = options
    this.#idle = [...models]
    this.#streams = models.map((model) => ({ model, open: 0 }))
    this.#slots = new Slots(models.length * (options.maxStreams ?? DEFAULT_STREAMS))
  }

  /** Requests that wait for a model. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Seconds until a new request would have its turn, by the batches so far. */
  get expectedWait(): number {
    return (this.#meanSeconds * (this.#queue.length + 1)) / this.#streams.length
  }

  /**
   * Results for the inputs of one request, in their order. Rejects at once with the signal's reason when it fires; the
   * model stops when nobody waits for a batch any more.
   */
  run<T extends TaskName>(
    task: T,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): Promise<readonly ResultOf<T>[]> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#queue = this.#queue.filter((other) => other !== job)
        reject(signal.reason)
      }
      const settled = () => signal.removeEventListener('abort', abort)
      const job: Job = {
        task,
        options,
        key: `${task} ${JSON.stringify(options)}`,
        inputs,
        signal,
        resolve: (results) => {
          settled()
          resolve(results as readonly ResultOf<T>[])
        },
        reject: (reason) => {
          settled()
          reject(reason)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#queue.push(job)
      this.#start()
    })
  }

  /** The text for one input as it is written, on the model that writes the fewest; returns the whole. */
  async *stream<T extends TextTaskName>(
    task: T,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): AsyncGenerator<string, GeneratedText> {
    await this.#slots.acquire(signal)
    const place = this.#streams.reduce((least, other) => (other.open < least.open ? other : least))
    place.open++
    try {
      return yield* place.model.stream(task, input, options, signal)
    } finally {
      place.open--
      this.#slots.release()
    }
  }

  #start(): void {
    while (this.#queue.length > 0 && this.#idle.length > 0) void this.#work(this.#idle.pop()!, this.#nextBatch())
  }

  /** The oldest job with those that can run beside it. */
  #nextBatch(): Job[] {
    const [oldest] = this.#queue
    const batch = [oldest!]
    let room = this.#options.maxBatch - oldest!.inputs.length
    this.#queue = this.#queue.slice(1).filter((job) => {
      if (job.key !== oldest!.key || job.inputs.length > room) return true
      room -= job.inputs.length
      batch.push(job)
      return false
    })
    return batch
  }

  async #work(model: InferenceModel, batch: readonly Job[]): Promise<void> {
    const start = performance.now()
    await runBatch(model, batch)
    const seconds = (performance.now() - start) / 1000
    const inputs = batch.reduce((sum, job) => sum + job.inputs.length, 0)
    this.#meanSeconds += NEWEST * (seconds / batch.length - this.#meanSeconds)
    this.#idle.push(model)
    this.#start()
    this.#options.onBatch?.({ task: batch[0]!.task, requests: batch.length, inputs, seconds })
  }
}

/** Settles every job. Where a batch fails, its jobs run again one by one: what is wrong with one must not hurt others. */
async function runBatch(model: InferenceModel, batch: readonly Job[]): Promise<void> {
  const { task, options } = batch[0]!
  const inputs = batch.flatMap((job) => job.inputs)
  const wanted = whileAnyIsOpen(batch.map(({ signal }) => signal))
  try {
    const results = await model.run(task, inputs, options, wanted.signal)
    let next = 0
    for (const job of batch) {
      job.resolve(results.slice(next, next + job.inputs.length))
      next += job.inputs.length
    }
  } catch (error) {
    if (batch.length === 1 || wanted.signal.aborted) for (const job of batch) job.reject(error)
    else for (const job of batch) if (!job.signal.aborted) await runBatch(model, [job])
  } finally {
    wanted.stop()
  }
}

/** A signal that fires when all of these have fired. */
function whileAnyIsOpen(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController()
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort()
  }
  for (const signal of signals) signal.addEventListener('abort', check)
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of signals) signal.removeEventListener('abort', check)
    },
  }
}
