import { ConfigError, DisposedError } from '../errors.js'
import type { Graph, Tensor } from '../graph/graph.js'
import { type CompileOptions, type Signature, serializeFunction } from './serializedFunction.js'
import type { Value } from './values.js'
import { buffersOf } from './workerMessages.js'
import { WorkerThread } from './workerThread.js'

export interface WorkerRunOptions {
  /** Rejects the run with the signal's reason at once; a run that has begun goes on unseen. */
  readonly signal?: AbortSignal
}

/**
 * A graph that runs in a thread of its own, so that the caller's event loop stays free: the runtime blocks the loop
 * for the whole length of a run. Runs queue. Feeds are copied; the arrays of the results are the caller's to keep.
 * An idle thread does not keep the process alive. Dispose it when done.
 */
export class WorkerFunction<Output extends string = string> {
  readonly inputs: ReadonlyMap<string, Signature>
  readonly outputs: ReadonlyMap<Output, Signature>
  readonly #thread: WorkerThread
  #disposal: Promise<void> | undefined

  private constructor(
    thread: WorkerThread,
    inputs: ReadonlyMap<string, Signature>,
    outputs: ReadonlyMap<Output, Signature>,
  ) {
    this.#thread = thread
    this.inputs = inputs
    this.outputs = outputs
  }

  /** As `CompiledFunction.create`, but weights are embedded or external: feeding them would copy them at each run. */
  static async create<Output extends string>(
    graph: Graph,
    outputs: Readonly<Record<Output, Tensor>>,
    options: CompileOptions = {},
  ): Promise<WorkerFunction<Output>> {
    const serialized = serializeFunction(graph, outputs, options)
    const fedWeight = [...serialized.inputs.keys()].find((name) => graph.parameters.has(name))
    if (fedWeight !== undefined)
      throw new ConfigError(
        `the weight '${fedWeight}' would be fed to another thread; give an embedded or external source in options.weight`,
      )
    const { inputs, outputs: signatures } = serialized
    const thread = new WorkerThread()
    try {
      await thread.ask({ kind: 'open', serialized }, [serialized.bytes.buffer])
    } catch (error) {
      await thread.end()
      throw error
    }
    return new WorkerFunction(thread, inputs, signatures)
  }

  /** Runs the graph; `feeds` holds every input. */
  async run(feeds: Readonly<Record<string, Value>>, { signal }: WorkerRunOptions = {}): Promise<Record<Output, Value>> {
    if (this.#disposal) throw new DisposedError('this function was disposed; compile it again')
    signal?.throwIfAborted()
    const copies = copyInputs(feeds, this.inputs)
    return (await this.#thread.ask({ kind: 'run', feeds: copies }, buffersOf(copies), signal)) as Record<Output, Value>
  }

  get disposed(): boolean {
    return this.#disposal !== undefined
  }

  /** Rejects the runs that are under way with a DisposedError, and ends the thread once its run has ended. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#thread.end()
    return this.#disposal
  }
}

/** Their own memory, since what is transferred is lost to the sender, and a view would take its whole buffer along. */
function copyInputs(
  feeds: Readonly<Record<string, Value>>,
  inputs: ReadonlyMap<string, Signature>,
): Record<string, Value> {
  const wanted = Object.entries(feeds).filter(([name]) => inputs.has(name))
  return Object.fromEntries(wanted.map(([name, feed]) => [name, { ...feed, data: feed.data.slice() } as Value]))
}
