import { DisposedError } from '../../errors.js'
import { answerCalls, type CallContext, sendPieces } from '../../runtime/threads/answerCalls.js'
import { Blip2 } from '../blip2.js'
import type { GeneratedText } from '../textOptions.js'
import type { ModelCall, Opened, OpenProgress } from './modelCalls.js'
import { pack, unpackArguments } from './packing.js'

/** The thread of a Blip2Thread: opens one model and runs its methods as it is told. */
let model: Blip2 | undefined

answerCalls<ModelCall>({
  answer: async (call, context) => {
    if (call.kind === 'open') return open(call, context)
    if (call.kind === 'dispose') return model?.dispose()
    const opened = model
    if (!opened) throw new DisposedError('no model is open in this thread')
    const args = unpackArguments(call, context.signal)
    if (call.kind === 'stream') return sendPieces((opened[call.method].stream as Stream)(...args), context)
    // Methods of the class need their object, tasks are functions of their own.
    return pack(await (opened[call.method] as Callable).call(opened, ...args))
  },
  end: async () => model?.dispose(),
})

/** The caller gives what its types allow, which is more than one signature says. */
type Callable = (...args: unknown[]) => Promise<unknown>
type Stream = (...args: unknown[]) => AsyncGenerator<string, GeneratedText>

async function open(
  { model: name, settings }: Extract<ModelCall, { kind: 'open' }>,
  { signal, piece }: CallContext,
): Promise<Opened> {
  const report = (progress: OpenProgress) => piece(progress)
  model = await Blip2.fromPretrained(name, {
    ...settings,
    signal,
    onDownload: (progress) => report({ kind: 'download', progress }),
    onConversion: (progress) => report({ kind: 'conversion', progress }),
  })
  const { config, retrievalConfig } = model
  return { config, retrievalConfig }
}
