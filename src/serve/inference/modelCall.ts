import type { FrozenModels } from '../../frozen/authorsCheckpoint.js'
import type { ModelDtype } from '../../quantize/weightBits.js'
import type { ExecutionOptions } from '../../tasks/batchedFunction.js'
import type { InputOf, OptionsOf, TaskName, TextTaskName } from './inferenceModel.js'

/** What a model's thread is started with. */
export interface ModelThreadData extends ExecutionOptions, FrozenModels {
  /** The model directory. */
  readonly path: string
  /** Another one for what compares pictures with texts. */
  readonly retrievalModel?: string
  readonly dtype?: ModelDtype
  /** Folder of a picture index that was made with it. */
  readonly index?: string
  /** Address of a module whose default export is an OutputFilter. */
  readonly outputFilter?: string
}

export type ModelCall =
  /** Answered with the ModelInfo, once the model is open. */
  { readonly kind: 'open' } | RunCall | StreamCall

type RunCall = {
  [T in TaskName]: {
    readonly kind: 'run'
    readonly task: T
    readonly inputs: readonly InputOf<T>[]
    readonly options: OptionsOf<T>
  }
}[TaskName]

type StreamCall = {
  [T in TextTaskName]: {
    readonly kind: 'stream'
    readonly task: T
    readonly input: InputOf<T>
    readonly options: OptionsOf<T>
  }
}[TextTaskName]
