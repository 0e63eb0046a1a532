import type { InferenceSession as Session, Tensor as OrtTensor } from 'onnxruntime-web'
import * as wasm from 'onnxruntime-web/wasm'
import * as webgpu from 'onnxruntime-web/webgpu'
import { fromBinary } from '@bufbuild/protobuf'
import { RuntimeError } from '../../errors.js'
import { ModelProtoSchema } from '../../graph/onnx.generated.js'
import type { Backend, WasmPaths } from '../messages.js'
import { contentOf } from './files.js'
import { dirname, join } from './paths.js'

/**
 * What stands for `onnxruntime-node` in the browser's bundle: onnxruntime-web. It has two builds, each with its own
 * WebAssembly file: the small one computes on the CPU, the large one on WebGPU as well.
 */
export const Tensor = wasm.Tensor

/** Where the runtime computes, chosen by `startRuntime`. */
let runtime: { readonly ort: typeof wasm; readonly providers: readonly string[] } | undefined

export interface RuntimeOptions {
  readonly device: Backend['device']
  readonly threads: number | undefined
  /** Where the runtime's WebAssembly lies. */
  readonly wasmPaths: WasmPaths
}

/** Chooses and configures the runtime's build; the first model of a worker decides. */
export function startRuntime({ device, threads, wasmPaths }: RuntimeOptions): Backend {
  const ort = device === 'webgpu' ? (webgpu as unknown as typeof wasm) : wasm
  const isolated = globalThis.crossOriginIsolated
  const count = isolated ? (threads ?? defaultThreads()) : 1
  ort.env.wasm.wasmPaths = wasmPaths
  ort.env.wasm.numThreads = count
  ort.env.logLevel = 'error'
  runtime = { ort, providers: device === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'] }
  return { device, threads: count, crossOriginIsolated: isolated }
}

/** The runtime's own default: half of the logical cores, at most four. */
const defaultThreads = (): number => Math.min(4, Math.ceil((navigator.hardwareConcurrency || 1) / 2))

/** The files that a model's weights lie in, which are beside it. */
function externalData(model: Uint8Array, directory: string): { path: string; data: Blob | Uint8Array }[] {
  const weights = fromBinary(ModelProtoSchema, model).graph?.initializer ?? []
  const entries = weights.flatMap(({ externalData }) => externalData)
  const names = new Set(entries.filter(({ key }) => key === 'location').map(({ value }) => value))
  return [...names].map((name) => ({ path: name, data: contentOf(join(directory, name)) }))
}

type Values = Readonly<Record<string, OrtTensor>>

/** The parts of onnxruntime-node's session that graphs are run with. */
export const InferenceSession = {
  async create(model: Uint8Array | string, { executionProviders: _, ...options }: Session.SessionOptions) {
    if (!runtime) throw new RuntimeError('the runtime was not started')
    const { ort, providers } = runtime
    const bytes = typeof model === 'string' ? (contentOf(model) as Uint8Array) : model
    const session = await ort.InferenceSession.create(bytes, {
      ...options,
      executionProviders: [...providers],
      ...(typeof model === 'string' ? { externalData: externalData(bytes, dirname(model)) } : {}),
    })
    return {
      /** Writes the outputs into the arrays of `fetches`, which onnxruntime-web by itself leaves as they are. */
      async run(feeds: Values, fetches: Values): Promise<Values> {
        const results = await session.run(feeds, Object.keys(fetches))
        for (const [name, target] of Object.entries(fetches)) copyBytes(results[name]!.data, target.data)
        return fetches
      },
      release: () => session.release(),
    }
  },
}

function copyBytes(from: OrtTensor['data'], to: OrtTensor['data']): void {
  if (Array.isArray(from) || Array.isArray(to)) throw new RuntimeError('the outputs of a graph are never strings')
  bytesOf(to).set(bytesOf(from))
}

const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
