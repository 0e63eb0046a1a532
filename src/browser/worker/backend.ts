import { RuntimeError } from '../../errors.js'
import { add, Graph } from '../../graph/index.js'
import { CompiledFunction } from '../../runtime/session.js'
import type { Backend, OpenRequest } from '../messages.js'
import { startRuntime } from '../platform/onnxruntime.js'

/**
 * Chooses where to compute, and loads the runtime at once, so that its files are missed now and not at the first
 * picture.
 *
 * @throws RuntimeError where they do not load, or WebGPU was asked for and is not there.
 */
export async function startBackend({ device, threads, wasmPaths }: OpenRequest): Promise<Backend> {
  const adapter = device === 'cpu' ? null : await webGpuAdapter()
  if (device === 'webgpu' && !adapter)
    throw new RuntimeError("this browser gives no WebGPU adapter; open the model with device: 'cpu'")
  // A software adapter is slower than WebAssembly.
  const usesGpu = device === 'webgpu' || (adapter && adapter.info?.isFallbackAdapter !== true)
  const backend = startRuntime({ device: usesGpu ? 'webgpu' : 'cpu', threads, wasmPaths })
  const graph = new Graph()
  const x = graph.input('x', 'float32', [1])
  try {
    const trial = await CompiledFunction.create(graph, { y: add(x, x) })
    await trial.dispose()
  } catch (cause) {
    throw new RuntimeError(
      `onnxruntime-web did not start with the files at ${JSON.stringify(wasmPaths)}: ${messageOf(cause)}. Serve them there, or say where they are in wasmPaths`,
      { cause },
    )
  }
  return backend
}

/** WebGPU as far as it is used here; not all of TypeScript's libraries know it. */
interface Adapter {
  readonly info?: { readonly isFallbackAdapter?: boolean }
}

async function webGpuAdapter(): Promise<Adapter | null> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } }
  return (await gpu?.requestAdapter()) ?? null
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
