import type { AskTask, ChatTask } from '../tasks/answerer.js'
import type { Blip2 as NodeBlip2 } from '../tasks/blip2.js'
import type { CaptionTask } from '../tasks/captioner.js'
import { ConfigError } from '../errors.js'
import type { ModelConfig } from '../weights/modelDirectory.js'
import { Connection } from './connection.js'
import type { Arguments, Backend, LoadProgress, Method, StreamingMethod, WasmPaths } from './messages.js'

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
export class Blip2 implements Pick<NodeBlip2, keyof NodeBlip2> {
  readonly config: ModelConfig
  readonly retrievalConfig: ModelConfig
  /** Where it computes, and why on so many threads. */
  readonly backend: Backend
  readonly caption: CaptionTask
  readonly ask: AskTask
  readonly chat: ChatTask
  readonly encode: NodeBlip2['encode']
  readonly match: NodeBlip2['match']
  readonly matchLogits: NodeBlip2['matchLogits']
  readonly embedImage: NodeBlip2['embedImage']
  readonly embedText: NodeBlip2['embedText']
  readonly embedMultimodal: NodeBlip2['embedMultimodal']
  readonly attention: NodeBlip2['attention']
  readonly #connection: Connection

  private constructor(connection: Connection, config: ModelConfig, backend: Backend) {
    this.#connection = connection
    this.config = config
    this.retrievalConfig = config
    this.backend = backend
    this.caption = this.#streaming('caption')
    this.ask = this.#streaming('ask')
    this.chat = this.#streaming('chat')
    this.encode = this.#method('encode')
    this.match = this.#method('match')
    this.matchLogits = this.#method('matchLogits')
    this.embedImage = this.#method('embedImage')
    this.embedText = this.#method('embedText')
    this.embedMultimodal = this.#method('embedMultimodal')
    this.attention = this.#method('attention')
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
  #method<M extends Method>(method: M): NodeBlip2[M] {
    const call = async (...args: unknown[]) => this.#connection.call(method, ...prepare(method, args))
    return call as unknown as NodeBlip2[M]
  }

  #streaming<M extends StreamingMethod>(method: M): NodeBlip2[M] {
    const stream = (...args: unknown[]) => this.#connection.stream(method, ...prepare(method, args))
    return Object.assign(this.#method(method), { stream }) as NodeBlip2[M]
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

/** The arguments as the worker takes them, and the signal, which stays here. */
function prepare(method: Method, given: readonly unknown[]): [Arguments, signal: AbortSignal | undefined] {
  const last = given.at(-1)
  const hasOptions = isOptions(last)
  const takesImages = method !== 'embedText' && method !== 'matchLogits'
  const args = (hasOptions ? given.slice(0, -1) : given).map((arg, i) =>
    takesImages && i === 0 ? resolveImages(arg) : arg,
  )
  if (!hasOptions) return [{ args, options: undefined }, undefined]
  const { signal, ...options } = last
  const unsendable = Object.entries(options).find(([, option]) => typeof option === 'function')
  if (unsendable) throw new ConfigError(`the option ${unsendable[0]} is a function, which cannot go to the worker`)
  return [{ args, options }, signal]
}

/** Addresses relative to the page: to the worker they would be relative to its script. */
function resolveImages(images: unknown): unknown {
  if (Array.isArray(images)) return images.map(resolveImages)
  return typeof images === 'string' ? absolute(images) : images
}

/** Whether the last argument of a method is its options and not a picture, a text or a list. */
const isOptions = (value: unknown): value is { readonly signal?: AbortSignal } =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype && !('data' in value)
