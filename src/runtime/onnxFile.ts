import { RuntimeError } from '../errors.js'
import type { DType } from '../graph/types.js'
import type { Device } from './devices.js'
import { sessionOptions } from './session.js'
import { isArrayOf, toOrt, type Value } from './values.js'

type Runtime = typeof import('onnxruntime-node')

export interface OnnxFileSettings {
  /** Where it runs (default 'cpu'). */
  readonly device?: Device
  /** Threads of one operator (default: one per core). */
  readonly threads?: number
}

/** An input or output as the file declares it. */
export interface DeclaredTensor {
  readonly name: string
  /** The runtime's name of the element type. */
  readonly dtype: string
  /** A size, or the name of one that is known when it runs; empty where nothing is said. */
  readonly shape: readonly (number | string)[]
}

/** An ONNX file of somebody else's, opened by the runtime. Dispose it when done. */
export class OnnxFile {
  readonly path: string
  readonly inputs: readonly DeclaredTensor[]
  readonly outputs: readonly DeclaredTensor[]
  readonly #runtime: Runtime
  readonly #session: import('onnxruntime-node').InferenceSession

  private constructor(path: string, runtime: Runtime, session: import('onnxruntime-node').InferenceSession) {
    this.path = path
    this.#runtime = runtime
    this.#session = session
    this.inputs = tensorsOf(session.inputMetadata)
    this.outputs = tensorsOf(session.outputMetadata)
  }

  /** @throws RuntimeError for a file that the runtime cannot open. */
  static async open(path: string, settings: OnnxFileSettings = {}): Promise<OnnxFile> {
    const runtime = await import('onnxruntime-node')
    try {
      return new OnnxFile(path, runtime, await runtime.InferenceSession.create(path, sessionOptions(settings)))
    } catch (cause) {
      throw new RuntimeError(`${path}: onnxruntime cannot open this as ONNX: ${messageOf(cause)}`, { cause })
    }
  }

  /** One output for the given inputs; the caller's to keep. @throws RuntimeError where it fails, or gives another type. */
  async run<D extends DType>(
    feeds: Readonly<Record<string, Value>>,
    { name, dtype }: { readonly name: string; readonly dtype: D },
  ): Promise<Value<D>> {
    const ortFeeds = Object.entries(feeds).map(([input, value]) => [input, toOrt(this.#runtime, value)] as const)
    const results = await this.#session.run(Object.fromEntries(ortFeeds), [name]).catch((cause: unknown) => {
      throw new RuntimeError(`${this.path}: running it failed: ${messageOf(cause)}`, { cause })
    })
    const { type, dims, data } = results[name]!
    if (type !== dtype || !isArrayOf(dtype, data as never))
      throw new RuntimeError(`${this.path}: '${name}' is ${type}, expected ${dtype}`)
    return { dtype, shape: dims, data: data as Value<D>['data'] }
  }

  dispose(): Promise<void> {
    return this.#session.release()
  }
}

const tensorsOf = (metadata: import('onnxruntime-node').InferenceSession['inputMetadata']): DeclaredTensor[] =>
  metadata.flatMap((value) => (value.isTensor ? [{ name: value.name, dtype: value.type, shape: value.shape }] : []))

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
