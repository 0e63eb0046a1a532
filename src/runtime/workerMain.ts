import { parentPort } from 'node:worker_threads'
import { RuntimeError } from '../errors.js'
import { CompiledFunction } from './session.js'
import type { Value } from './values.js'
import { buffersOf, packError, type Request, type Response } from './workerMessages.js'

/** The thread of a WorkerFunction: opens one function, runs it when told to, ends when it is disposed. */
const port = parentPort
if (!port) throw new RuntimeError('this module is started by WorkerFunction, in a thread of its own')

let compiled: CompiledFunction | undefined

port.on('message', async (request: Request) => {
  if (request.kind === 'dispose') {
    await compiled?.dispose()
    // Without a listener nothing keeps the thread.
    port.close()
    return
  }
  try {
    const results = await handle(request)
    // The arrays go to the caller; the next run gets new ones.
    send({ kind: 'done', results }, buffersOf(results))
  } catch (error) {
    send({ kind: 'failed', error: packError(error) }, [])
  }
})

async function handle(request: Exclude<Request, { kind: 'dispose' }>): Promise<Record<string, Value>> {
  if (request.kind === 'run') return compiled!.run(request.feeds)
  compiled = await CompiledFunction.open(request.serialized)
  return {}
}

function send(response: Response, transferred: readonly ArrayBuffer[]): void {
  port!.postMessage(response, transferred)
}
