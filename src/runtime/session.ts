import { Blip2Error, DisposedError, DtypeError, OutOfMemoryError, RuntimeError, ShapeError } from '../errors.js'
import type { Graph, Tensor } from '../graph/graph.js'
import { type DType, elementCount, evaluateDimension, formatShape } from '../graph/types.js'
import { executionProviders } from './devices.js'
import { withModelBeside } from './externalModel.js'
import {
  type CompileOptions,
  type SerializedFunction,
  type SessionSettings,
  type Signature,
  serializeFunction,
} from './serializedFunction.js'
import { type ArrayOf, type Data, isArrayOf, toOrt, type Value, zeros } from './values.js'

type Ort = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor'>

/**
 * A graph made runnable. Outputs are preallocated and reused: the arrays given by `run` are overwritten by the next
 * run, so copy what must outlive it. Dispose it when done; the runtime holds memory that the garbage collector
 * does not see.
 */
export class CompiledFunction<Output extends string = string> {
  readonly inputs: ReadonlyMap<string, Signature>
  readonly outputs: ReadonlyMap<Output, Signature>
  readonly #runtime: Ort
  readonly #session: import('onnxruntime-node').InferenceSession
  readonly #labels: ReadonlyMap<string, string>
  readonly #buffers = new Map<string, Value>()
  #running: Promise<unknown> | undefined
  #disposal: Promise<void> | undefined

  private constructor(
    runtime: Ort,
    session: import('onnxruntime-node').InferenceSession,
    { inputs, outputs, labels }: SerializedFunction<Output>,
  ) {
    this.#runtime = runtime
    this.#session = session
    this.inputs = inputs
    this.outputs = outputs
    this.#labels = labels
  }

  /** Serialises what `outputs` need of `graph` and opens it in the runtime. */
  static async create<Output extends string>(
    graph: Graph,
    outputs: Readonly<Record<Output, Tensor>>,
    options: CompileOptions = {},
  ): Promise<CompiledFunction<Output>> {
    return CompiledFunction.open(serializeFunction(graph, outputs, options))
  }

  /** Opens a graph that was serialised before, perhaps by another thread. */
  static async open<Output extends string>(serialized: SerializedFunction<Output>): Promise<CompiledFunction<Output>> {
    const runtime = await import('onnxruntime-node')
    const { bytes, labels, settings } = serialized
    const { weightDirectory } = settings
    try {
      const session = await (weightDirectory === undefined
        ? runtime.InferenceSession.create(bytes, sessionOptions(settings))
        : withModelBeside(weightDirectory, bytes, (path) =>
            runtime.InferenceSession.create(path, sessionOptions(settings)),
          ))
      return new CompiledFunction(runtime, session, serialized)
    } catch (cause) {
      throw explain(cause, labels, 'opening a graph')
    }
  }

  /**
   * Runs the graph. `feeds` holds every input, and every weight that is fed; `into` may give arrays that outputs are
   * written to, for instance gradients next to their weights.
   */
  async run(
    feeds: Readonly<Record<string, Value>>,
    into?: Readonly<Partial<Record<Output, Data>>>,
  ): Promise<Record<Output, Value>> {
    if (this.#disposal) throw new DisposedError('this function was disposed; compile it again')
    if (this.#running)
      throw new RuntimeError('this function is running; its buffers are shared, so await each run before the next')
    const bindings = new Map<string, number>()
    const ortFeeds: Record<string, import('onnxruntime-node').Tensor> = {}
    for (const [name, signature] of this.inputs) ortFeeds[name] = this.#feed(name, signature, feeds[name], bindings)
    for (const name of Object.keys(into ?? {}))
      if (!this.outputs.has(name as Output))
        throw new ShapeError(
          `an array was given for '${name}', which is not an output; there are ${[...this.outputs.keys()].join(', ')}`,
        )
    const fed = new Set<Data>(Object.values(feeds).map(({ data }) => data))
    const results = {} as Record<Output, Value>
    const fetches: Record<string, import('onnxruntime-node').Tensor> = {}
    for (const [name, signature] of this.outputs) {
      const result = into?.[name]
        ? given(name, signature, bindings, into[name])
        : this.#buffer(name, signature, bindings, fed)
      results[name] = result
      fetches[name] = toOrt(this.#runtime, result)
    }
    try {
      this.#running = this.#session.run(ortFeeds, fetches)
      await this.#running
    } catch (cause) {
      throw explain(cause, this.#labels, 'running a graph')
    } finally {
      this.#running = undefined
    }
    return results
  }

  get disposed(): boolean {
    return this.#disposal !== undefined
  }

  /** Frees the runtime's memory, after the run that is under way; a second call does nothing more. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#free()
    return this.#disposal
  }

  async #free(): Promise<void> {
    await Promise.allSettled([this.#running])
    this.#buffers.clear()
    await this.#session.release()
  }

  #feed(name: string, { dtype, shape }: Signature, given: Value | undefined, bindings: Map<string, number>) {
    const expected = `input '${name}' must be ${dtype}${formatShape(shape)}`
    if (!given)
      throw new ShapeError(
        `${expected}, but nothing was given for it; all inputs: ${[...this.inputs.keys()].join(', ')}`,
      )
    if (given.dtype !== dtype) throw new DtypeError(`${expected}, got ${given.dtype}`)
    const fits =
      given.shape.length === shape.length &&
      shape.every((size, axis) => {
        const actual = given.shape[axis]!
        if (typeof size === 'number') return size === actual
        const bound = bindings.get(size)
        bindings.set(size, actual)
        return bound === undefined || bound === actual
      })
    if (!fits) throw new ShapeError(`${expected}, got ${formatShape(given.shape)}`)
    return toOrt(this.#runtime, given)
  }

  #buffer(name: Output, { dtype, shape }: Signature, bindings: Bindings, fed: ReadonlySet<Data>): Value {
    const sizes = shape.map((size) => evaluateDimension(size, bindings))
    const known = this.#buffers.get(name)
    // What the last run gave may be fed to this one (a cache of keys); it is not written to while it is read.
    if (known?.data.length === elementCount(sizes) && !fed.has(known.data)) return { ...known, shape: sizes }
    const fresh = zeros(dtype, sizes)
    this.#buffers.set(name, fresh)
    return fresh
  }
}

/** How the runtime opens any graph. */
export function sessionOptions({ device, threads, prepack }: SessionSettings) {
  return {
    executionProviders: executionProviders(device ?? 'cpu'),
    graphOptimizationLevel: 'all',
    // From the second run on, a pattern's block would come on top of what the first run has left in the arena: twice the
    // memory, and no faster.
    enableMemPattern: false,
    // Its errors are thrown, with the model's own names; they need not be printed as well.
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(prepack === false ? { extra: { session: { disable_prepacking: '1' } } } : {}),
  } as const
}

type Bindings = ReadonlyMap<string, number>

/** The caller's own array as an output. */
function given(name: string, { dtype, shape }: Signature, bindings: Bindings, data: Data): Value {
  const sizes = shape.map((size) => evaluateDimension(size, bindings))
  if (!isArrayOf(dtype, data))
    throw new DtypeError(`output '${name}' is ${dtype}, which does not go into a ${data.constructor.name}`)
  if (data.length !== elementCount(sizes))
    throw new ShapeError(
      `the array for output '${name}' must hold ${elementCount(sizes)} values, it holds ${data.length}`,
    )
  return { dtype, shape: sizes, data: data as ArrayOf[DType] }
}

/** The runtime's errors with our names: its message quotes ONNX nodes, the label says where in the model that is. */
function explain(cause: unknown, labels: ReadonlyMap<string, string>, doing: string): Blip2Error {
  if (cause instanceof Blip2Error) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const node = message.match(/\bn\d+_\w+/)?.[0]
  const label = node === undefined ? undefined : labels.get(node)
  const where = label ? `${doing} failed at ${label}: ${message}` : `${doing} failed: ${message}`
  if (/bad_alloc|failed to allocate|out of memory/i.test(message))
    return new OutOfMemoryError(`${where}. Use a smaller batch, fewer tokens or a smaller model`, { cause })
  return new RuntimeError(where, { cause })
}
