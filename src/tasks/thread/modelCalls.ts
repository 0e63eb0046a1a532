import type { DownloadProgress } from '../../weights/hub/pullModel.js'
import type { ConversionProgress } from '../../weights/graphWeights.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { ModelOptions } from '../openModel.js'

/** What a model is opened with, without what cannot go to a thread. */
export type OpenSettings = Omit<ModelOptions, 'signal' | 'onDownload' | 'onConversion'>

/** The methods of a model that its thread, or the browser's worker, runs, by the number of arguments before the options. */
export const METHODS = {
  caption: 1,
  ask: 2,
  chat: 2,
  encode: 1,
  match: 2,
  matchLogits: 1,
  embedImage: 1,
  embedText: 1,
  embedMultimodal: 2,
  attention: 2,
} as const
export type Method = keyof typeof METHODS
/** Those that give their text in pieces as well. */
export type StreamingMethod = Extract<Method, 'caption' | 'ask' | 'chat'>

/** What a method is called with, as it goes to the thread. */
export interface MethodArguments {
  /** Those before the options, packed. */
  readonly args: readonly unknown[]
  /** Without their signal. */
  readonly options: object
}

export type ModelCall =
  /** The first call. Its pieces are OpenProgress; its result is Opened. */
  | { readonly kind: 'open'; readonly model: string; readonly settings: OpenSettings }
  | ({ readonly kind: 'call'; readonly method: Method } & MethodArguments)
  /** Its pieces are the text's. */
  | ({ readonly kind: 'stream'; readonly method: StreamingMethod } & MethodArguments)
  | { readonly kind: 'dispose' }

export interface Opened {
  readonly config: ModelConfig
  readonly retrievalConfig: ModelConfig
}

export type OpenProgress =
  | { readonly kind: 'download'; readonly progress: DownloadProgress }
  | { readonly kind: 'conversion'; readonly progress: ConversionProgress }
