import type { GeneratedText } from '../../tasks/textOptions.js'
import { callStream } from '../../runtime/threads/callStream.js'
import { CallThread, threadScript } from '../../runtime/threads/callThread.js'
import type {
  InferenceModel,
  InputOf,
  ModelInfo,
  OptionsOf,
  ResultOf,
  TaskName,
  TextTaskName,
} from './inferenceModel.js'
import type { ModelCall, ModelThreadData } from './modelCall.js'

/** A model in a thread of its own, so that the event loop stays free while it runs. Dispose it when done. */
export class ModelThread implements InferenceModel {
  readonly info: ModelInfo
  readonly died: Promise<Error>
  readonly #thread: CallThread<ModelCall>

  private constructor(thread: CallThread<ModelCall>, info: ModelInfo) {
    this.#thread = thread
    this.info = info
    this.died = thread.died
  }

  /** @throws as Blip2.fromPretrained, and ConfigError for an output filter that is none. */
  static async open(data: ModelThreadData, signal?: AbortSignal): Promise<ModelThread> {
    const thread = new CallThread<ModelCall>(threadScript('serve/inference/modelThreadMain.js'), data)
    try {
      return new ModelThread(thread, await thread.call<ModelInfo>({ kind: 'open' }, signal ? { signal } : {}))
    } catch (error) {
      await thread.end()
      throw error
    }
  }

  run<T extends TaskName>(
    task: T,
    inputs: readonly InputOf<T>[],
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): Promise<readonly ResultOf<T>[]> {
    return this.#thread.call({ kind: 'run', task, inputs, options } as ModelCall, { signal })
  }

  stream<T extends TextTaskName>(
    task: T,
    input: InputOf<T>,
    options: OptionsOf<T>,
    signal: AbortSignal,
  ): AsyncGenerator<string, GeneratedText> {
    return callStream(this.#thread, { kind: 'stream', task, input, options } as ModelCall, signal)
  }

  dispose(): Promise<void> {
    return this.#thread.end('the server was closed')
  }
}
