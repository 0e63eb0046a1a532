import type { Blip2Methods } from '../tasks/blip2.js'
import type { Pair } from '../tasks/retriever.js'
import type { Method, StreamingMethod } from '../tasks/thread/modelCalls.js'
import { packArguments } from '../tasks/thread/packing.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { Connection } from './connection.js'
import type { Backend, LoadProgress, WasmPaths } from './messages.js'

export interface LoadOptions {
  /**
   * 'webgpu', 'cpu' (WebAssembly), or 'auto' (default): WebGPU where the browser has a graphics processor for it. Each
   * needs its own files of onnxruntime-web, see `wasmPaths`.
   */
  readonly device?: 'auto' | Backend['device']
  /** Threads of WebAssembly (default: half of the cores, at most 4); a page that is not cross-origin isolated has one. */
  readonly threads?: number
  /**
   * Where onnxruntime-web's files lie: the address of their directory, or of each. Default: beside worker.js. For the
   * CPU they are ort-wasm-simd-threaded.mjs and .wasm, for WebGPU ort-wasm-simd-threaded.asyncify.mjs and .wasm.
   */
  readonly wasmPaths?: WasmPaths
  /** Address of worker.js (default: beside this module). */
  readonly workerUrl?: string | URL
  /** Keep the model's files in the browser's Cache API, so that it opens offline (default true). */
  readonly cache?: boolean
  readonly onProgress?: (progress: LoadProgress) => void
  readonly signal?: AbortSignal
}

/**
 * A BLIP-2 model in the browser: the methods of the same class in Node, computed in a Web Worker, so that the page
 * stays free. A picture is an address, a Blob or File, bytes of an encoded file, or raw pixels. Dispose it when done.
 */
export class Blip2 implements Blip2Methods {
  readonly config: ModelConfig
  readonly retrievalConfig: ModelConfig
  /** Where it computes, and why on so many threads. */
  readonly backend: Backend
  readonly caption: Blip2Methods['caption'] = this.#streaming('caption')
  readonly ask: Blip2Methods['ask'] = this.#streaming('ask')
  readonly chat: Blip2Methods['chat'] = this.#streaming('chat')
  readonly encode: Blip2Methods['encode'] = this.#method('encode')
  readonly match: Blip2Methods['match'] = this.#method('match')
  readonly matchLogits: Blip2Methods['matchLogits'] = this.#method('matchLogits')
  readonly embedImage: Blip2Methods['embedImage'] = this.#method('embedImage')
  readonly embedText: Blip2Methods['embedText'] = this.#method('embedText')
  readonly embedMultimodal: Blip2Methods['embedMultimodal'] = this.#method('embedMultimodal')
  readonly attention: Blip2Methods['attention'] = this.#method('attention')
  readonly #connection: Connection

  private constructor(connection: Connection, config: ModelConfig, backend: Backend) {
    this.#connection = connection
    this.config = config
    this.retrievalConfig = config
    this.backend = backend
  }

  /**
   * Opens a model directory by its address, relative to the page or absolute; its files are fetched once and kept.
   *
   * @throws ModelNotFoundError, ConfigError or WeightsError when there is no model, its configuration is wrong, or its
   * weights do not fit it; RuntimeError when the worker or the runtime's files do not load.
   */
  static async fromPretrained(address: string | URL, options: LoadOptions = {}): Promise<Blip2> {
    const { device = 'auto', threads, wasmPaths, workerUrl, cache = true, onProgress, signal } = options
    signal?.throwIfAborted()
    const connection = new Connection(startWorker(workerUrl))
    try {
      const request = {
        model: absolute(address).replace(/\/+$/, ''),
        device,
        threads,
        wasmPaths: wasmPaths === undefined ? besideWorker(workerUrl) : absolutePaths(wasmPaths),
        cache,
      }
      const { config, backend } = await connection.open(request, onProgress, signal)
      return new Blip2(connection, config, backend)
    } catch (error) {
      connection.terminate()
      throw error
    }
  }

  /** Frees the model's memory after the calls under way; a second call does nothing. */
  dispose(): Promise<void> {
    return this.#connection.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** The types are those of Node's method, which runs in the worker. */
  #method<M extends Method>(method: M): Blip2Methods[M] {
    const call = async (...given: unknown[]) =>
      this.#connection.call(method, ...packArguments(method, withAddresses(method, given)))
    return call as unknown as Blip2Methods[M]
  }

  #streaming<M extends StreamingMethod>(method: M): Blip2Methods[M] {
    const stream = (...given: unknown[]) =>
      this.#connection.stream(method, ...packArguments(method, withAddresses(method, given)))
    return Object.assign(this.#method(method), { stream }) as Blip2Methods[M]
  }
}

// Bundlers find a worker by this very expression.
const startWorker = (url: string | URL | undefined): Worker =>
  url === undefined
    ? new Worker(new URL(/* @vite-ignore */ './worker.js', import.meta.url), { type: 'module' })
    : new Worker(url, { type: 'module' })

const absolute = (address: string | URL): string => new URL(address, document.baseURI).href

const absolutePaths = (paths: WasmPaths): WasmPaths =>
  typeof paths === 'string' ? absolute(paths) : { mjs: absolute(paths.mjs), wasm: absolute(paths.wasm) }

const besideWorker = (url: string | URL | undefined): string =>
  new URL('.', url === undefined ? import.meta.url : absolute(url)).href

/** Pictures by address are relative to the page; to the worker they would be relative to its script. */
function withAddresses(method: Method, [first, ...others]: readonly unknown[]): readonly unknown[] {
  if (method === 'embedText') return [first, ...others]
  if (method === 'matchLogits')
    return [(first as readonly Pair[]).map(([image, text]) => [resolveImages(image), text]), ...others]
  return [resolveImages(first), ...others]
}

function resolveImages(images: unknown): unknown {
  if (Array.isArray(images)) return images.map(resolveImages)
  return typeof images === 'string' ? absolute(images) : images
}
