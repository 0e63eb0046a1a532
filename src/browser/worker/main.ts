import { DisposedError } from '../../errors.js'
import { packError } from '../../runtime/workerMessages.js'
import { Blip2 } from '../../tasks/blip2.js'
import type { Method, MethodArguments, StreamingMethod } from '../../tasks/thread/modelCalls.js'
import { pack, unpackArguments } from '../../tasks/thread/packing.js'
import type { Opened, OpenRequest, Request, Response } from '../messages.js'
import { startBackend } from './backend.js'
import { fetchModelFiles } from './modelFiles.js'

/** The worker of a model: opens it, and runs its methods as the page asks for them. */
let model: Blip2 | undefined
const streams = new Map<number, AsyncGenerator<string, unknown>>()
/** Of the requests under way and of the streams that are open. */
const aborts = new Map<number, AbortController>()

// TypeScript's DOM library types a page's own scope.
const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void
  postMessage(response: Response): void
}

scope.onmessage = async ({ data: request }) => {
  const { id, kind } = request
  if (kind === 'abort') {
    aborts.get(id)?.abort()
    // A stream between two pieces does not look at its signal. Nobody waits for its end.
    await endStream(id).catch(() => undefined)
    return
  }
  try {
    scope.postMessage({ id, kind: 'done', value: await answer(request) })
  } catch (error) {
    scope.postMessage({ id, kind: 'failed', error: packError(error) })
  } finally {
    if (!streams.has(id)) aborts.delete(id)
  }
}

async function answer(request: Exclude<Request, { kind: 'abort' }>): Promise<unknown> {
  const { id } = request
  switch (request.kind) {
    case 'open':
      return open(id, request)
    case 'call':
      return pack(await call(opened(), id, request.method, request))
    case 'stream':
      streams.set(id, stream(opened(), id, request.method, request))
      return id
    case 'next':
      return advance(request.stream)
    case 'return':
      return endStream(request.stream)
    case 'dispose':
      return model?.dispose()
  }
}

async function open(id: number, request: OpenRequest): Promise<Opened> {
  const signal = signalOf(id)
  await fetchModelFiles(request.model, {
    cache: request.cache,
    signal,
    onProgress: (progress) => scope.postMessage({ id, kind: 'progress', progress }),
  })
  const backend = await startBackend(request)
  model = await Blip2.fromPretrained(request.model, { signal })
  return { config: model.config, backend }
}

/** The page gives what its types allow, which is more than one signature says. */
type Callable = (...args: unknown[]) => Promise<unknown>

function call(on: Blip2, id: number, method: Method, given: MethodArguments): Promise<unknown> {
  // Methods of the class need their object, tasks are functions of their own.
  return (on[method] as Callable).call(on, ...unpackArguments(given, signalOf(id)))
}

function stream(
  on: Blip2,
  id: number,
  method: StreamingMethod,
  given: MethodArguments,
): AsyncGenerator<string, unknown> {
  const start = on[method].stream as (...args: unknown[]) => AsyncGenerator<string, unknown>
  return start(...unpackArguments(given, signalOf(id)))
}

async function advance(id: number): Promise<IteratorResult<string, unknown>> {
  const open = streams.get(id)
  if (!open) return { done: true, value: undefined }
  try {
    const step = await open.next()
    if (step.done) forget(id)
    return step
  } catch (error) {
    forget(id)
    throw error
  }
}

async function endStream(id: number): Promise<void> {
  try {
    await streams.get(id)?.return(undefined)
  } finally {
    forget(id)
  }
}

function forget(id: number): void {
  streams.delete(id)
  aborts.delete(id)
}

function signalOf(id: number): AbortSignal {
  const controller = new AbortController()
  aborts.set(id, controller)
  return controller.signal
}

function opened(): Blip2 {
  if (!model) throw new DisposedError('no model is open in this worker')
  return model
}
