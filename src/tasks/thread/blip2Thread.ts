import { ConfigError } from '../../errors.js'
import { callStream } from '../../runtime/threads/callStream.js'
import { CallThread, threadScript } from '../../runtime/threads/callThread.js'
import type { ModelConfig } from '../../weights/modelDirectory.js'
import type { AskTask, ChatTask } from '../answerer.js'
import type { Blip2, Blip2Methods } from '../blip2.js'
import type { CaptionTask } from '../captioner.js'
import type { ModelOptions } from '../openModel.js'
import {
  type Method,
  type MethodArguments,
  METHODS,
  type ModelCall,
  type Opened,
  type OpenProgress,
  type StreamingMethod,
} from './modelCalls.js'
import { pack, unpack } from './packing.js'

/**
 * A model in a thread of its own: the methods of `Blip2`, while the event loop stays free. Opening a graph and running
 * it block the thread that asks for it, in the runtime; so a program that answers others, or draws, has its model here.
 * Pictures and results are copied between the threads. An idle thread does not keep the process alive. Dispose it when
 * done. There is no `outputFilter`, which is a function: filter what you show.
 */
export class Blip2Thread implements Blip2Methods {
  readonly config: ModelConfig
  readonly retrievalConfig: ModelConfig
  readonly caption: CaptionTask
  readonly ask: AskTask
  readonly chat: ChatTask
  readonly encode: Blip2['encode']
  readonly match: Blip2['match']
  readonly matchLogits: Blip2['matchLogits']
  readonly embedImage: Blip2['embedImage']
  readonly embedText: Blip2['embedText']
  readonly embedMultimodal: Blip2['embedMultimodal']
  readonly attention: Blip2['attention']
  /** Resolves with the error that makes it unusable, if that ever happens: its thread ran out of memory, say. */
  readonly died: Promise<Error>
  readonly #thread: CallThread<ModelCall, unknown>
  #disposal: Promise<void> | undefined

  private constructor(thread: CallThread<ModelCall, unknown>, { config, retrievalConfig }: Opened) {
    this.#thread = thread
    this.died = thread.died
    this.config = config
    this.retrievalConfig = retrievalConfig
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
      const [args, signal] = split(method, given)
      return unpack(await this.#thread.call({ kind: 'call', method, ...args }, signal ? { signal } : {}))
    }
    return call as unknown as Blip2[M]
  }

  #streaming<M extends StreamingMethod>(method: M): Blip2[M] {
    const stream = (...given: unknown[]) => {
      const [args, signal] = split(method, given)
      return callStream(this.#thread, { kind: 'stream', method, ...args }, signal)
    }
    return Object.assign(this.#method(method), { stream }) as Blip2[M]
  }
}

/** The arguments as the thread takes them, and the signal, which stays here. */
function split(method: Method, given: readonly unknown[]): [MethodArguments, signal: AbortSignal | undefined] {
  const count = METHODS[method]
  const args = Array.from({ length: count }, (_, i) => pack(given[i]))
  const { signal, ...options } = (given[count] ?? {}) as { readonly signal?: AbortSignal }
  refuseFunctions(options)
  return [{ args, options }, signal]
}

function refuseFunctions(options: object): void {
  const found = Object.entries(options).find(([, option]) => typeof option === 'function')
  if (found)
    throw new ConfigError(`the option ${found[0]} is a function, which cannot go to the model's thread; leave it out`)
}
