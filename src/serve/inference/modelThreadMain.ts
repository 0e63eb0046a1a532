import { workerData } from 'node:worker_threads'
import { ConfigError } from '../../errors.js'
import type { OutputFilter } from '../../tasks/outputFilter.js'
import { answerCalls, sendPieces } from '../../runtime/threads/answerCalls.js'
import { Blip2Model } from './blip2Model.js'
import type { ModelCall, ModelThreadData } from './modelCall.js'

/** The thread of a ModelThread: opens one model and runs it as it is told. */
const opening = open(workerData as ModelThreadData)
// Who opens the thread asks for the model, and has its error then.
opening.catch(() => {})

answerCalls<ModelCall>({
  answer: async (call, context) => {
    const model = await opening
    if (call.kind === 'open') return model.info
    if (call.kind === 'run') return model.run(call.task, call.inputs, call.options, context.signal)
    return sendPieces(model.stream(call.task, call.input, call.options, context.signal), context)
  },
  end: async () => {
    const [settled] = await Promise.allSettled([opening])
    if (settled.status === 'fulfilled') await settled.value.dispose()
  },
})

async function open({ path, outputFilter, ...execution }: ModelThreadData): Promise<Blip2Model> {
  const filter = outputFilter === undefined ? {} : { outputFilter: await importFilter(outputFilter) }
  return Blip2Model.open(path, { ...execution, ...filter })
}

async function importFilter(address: string): Promise<OutputFilter> {
  const { default: filter }: { readonly default?: unknown } = await import(address).catch((cause: Error) => {
    throw new ConfigError(`cannot load the output filter ${address}: ${cause.message}`, { cause })
  })
  if (typeof filter !== 'function')
    throw new ConfigError(`the output filter ${address} must export a function (text) => text | null by default`)
  return filter as OutputFilter
}
