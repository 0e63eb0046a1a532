import { callStream } from '../../runtime/threads/callStream.js'
import { CallThread, threadScript } from '../../runtime/threads/callThread.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { Blip2, Blip2Methods } from '../blip2.js'
import type { ModelOptions } from '../openModel.js'
import type { Method, ModelCall, Opened, OpenProgress, StreamingMethod } from './modelCalls.js'
import { packArguments, refuseFunctions, unpack } from './packing.js'

/**
 * A model in a thread of its own: the methods of `Blip2`, while the event loop stays free. Opening a graph and running
 * it block the thread that asks for it, in the runtime; so a program that answers others, or draws, has its model here.
 * Pictures and results are copied between the threads. An idle thread does not keep the process alive. Dispose it when
 * done. There is no `outputFilter`, which is a function: filter what you show.
 */
export class Blip2Thread implements Blip2Methods {
  readonly config: ModelConfig
  readonly retrievalConfig: ModelConfig
  readonly caption: Blip2['caption'] = this.#streaming('caption')
  readonly ask: Blip2['ask'] = this.#streaming('ask')
  readonly chat: Blip2['chat'] = this.#streaming('chat')
  readonly encode: Blip2['encode'] = this.#method('encode')
  readonly match: Blip2['match'] = this.#method('match')
  readonly matchLogits: Blip2['matchLogits'] = this.#method('matchLogits')
  readonly embedImage: Blip2['embedImage'] = this.#method('embedImage')
  readonly embedText: Blip2['embedText'] = this.#method('embedText')
  readonly embedMultimodal: Blip2['embedMultimodal'] = this.#method('embedMultimodal')
  readonly attention: Blip2['attention'] = this.#method('attention')
  /** Resolves with the error that makes it unusable, if that ever happens: its thread ran out of memory, say. */
  readonly died: Promise<Error>
  readonly #thread: CallThread<ModelCall, unknown>
  #disposal: Promise<void> | undefined

  private constructor(thread: CallThread<ModelCall, unknown>, { config, retrievalConfig }: Opened) {
    this.#thread = thread
    this.died = thread.died
    this.config = config
    this.retrievalConfig = retrievalConfig
  }

  /** @throws as Blip2.fromPretrained */
  static async fromPretrained(model: string, options: ModelOptions = {}): Promise<Blip2Thread> {
    const { signal, onDownload, onConversion, ...settings } = options
    refuseFunctions(settings)
    const thread = new CallThread<ModelCall, unknown>(threadScript('tasks/thread/threadMain.js'), undefined)
    try {
      const opened = await thread.call<Opened>(
        { kind: 'open', model, settings },
        {
          ...(signal ? { signal } : {}),
          onPiece: (piece) => {
            const report = piece as OpenProgress
            if (report.kind === 'download') onDownload?.(report.progress)
            else onConversion?.(report.progress)
          },
        },
      )
      return new Blip2Thread(thread, opened)
    } catch (error) {
      await thread.end()
      throw error
    }
  }

  /** Frees the model's memory after the calls under way, and ends the thread; a second call does nothing more. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#end()
    return this.#disposal
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #end(): Promise<void> {
    // A thread that broke has nothing left to free.
    await Promise.allSettled([this.#thread.call({ kind: 'dispose' })])
    await this.#thread.end('this model was disposed; open it again')
  }

  /** The types are those of the model's method, which runs in the thread. */
  #method<M extends Method>(method: M): Blip2[M] {
    const call = async (...given: unknown[]) => {
      const [args, signal] = packArguments(method, given)
      return unpack(await this.#thread.call({ kind: 'call', method, ...args }, signal ? { signal } : {}))
    }
    return call as unknown as Blip2[M]
  }

  #streaming<M extends StreamingMethod>(method: M): Blip2[M] {
    const stream = (...given: unknown[]) => {
      const [args, signal] = packArguments(method, given)
      return callStream(this.#thread, { kind: 'stream', method, ...args }, signal)
    }
    return Object.assign(this.#method(method), { stream }) as Blip2[M]
  }
}
