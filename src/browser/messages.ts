import type { ErrorMessage } from '../runtime/workerMessages.js'
import type { Method, MethodArguments, StreamingMethod } from '../tasks/thread/modelCalls.js'
import type { ModelConfig } from '../weights/modelDirectory.js'

/** Where a model computes. */
export interface Backend {
  readonly device: 'cpu' | 'webgpu'
  /** Threads of WebAssembly; 1 where the page is not cross-origin isolated. */
  readonly threads: number
  /** Whether the page may use threads, by its headers (COOP and COEP). */
  readonly crossOriginIsolated: boolean
}

/** Bytes of the model's files that are at hand, of all that it has. Files from the cache count as they are found. */
export interface LoadProgress {
  readonly loaded: number
  readonly total: number
  /** The file that this piece belongs to. */
  readonly file: string
}

/** The directory of the runtime's WebAssembly, or the addresses of its two files. */
export type WasmPaths = string | { readonly mjs: string; readonly wasm: string }

export interface OpenRequest {
  /** Absolute address of the model's directory. */
  readonly model: string
  readonly device: 'auto' | Backend['device']
  readonly threads: number | undefined
  readonly wasmPaths: WasmPaths
  readonly cache: boolean
}

export interface Opened {
  readonly config: ModelConfig
  readonly backend: Backend
}

/** Each is answered by a Response of the same id, save an abort; a piece of a stream is an answer of its own. */
export type Request = { readonly id: number } & (
  | ({ readonly kind: 'open' } & OpenRequest)
  | ({ readonly kind: 'call'; readonly method: Method } & MethodArguments)
  | ({ readonly kind: 'stream'; readonly method: StreamingMethod } & MethodArguments)
  /** The next piece of the stream with that id. */
  | { readonly kind: 'next'; readonly stream: number }
  /** Ends the stream with that id. */
  | { readonly kind: 'return'; readonly stream: number }
  | { readonly kind: 'dispose' }
  /** Aborts the open, the call or the stream with the same id. */
  | { readonly kind: 'abort' }
)

export type Response = { readonly id: number } & (
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
)
