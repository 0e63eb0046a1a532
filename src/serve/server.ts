import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, resolve as absolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { ConfigError } from '../errors.js'
import type { FrozenModels } from '../frozen/authorsCheckpoint.js'
import type { ModelDtype } from '../quantize/weightBits.js'
import type { ExecutionOptions } from '../tasks/batchedFunction.js'
import type { DownloadProgress } from '../weights/hub/pullModel.js'
import { resolveModel } from '../weights/hub/resolveModel.js'
import { createApp } from './app.js'
import { Admission } from './http/admission.js'
import { isLoopback } from './http/hostCheck.js'
import { HttpError } from './http/httpError.js'
import type { RequestScope } from './http/requestScope.js'
import { serverMetrics } from './http/serverMetrics.js'
import { Dispatcher } from './inference/dispatcher.js'
import type { InferenceModel } from './inference/inferenceModel.js'
import { ModelThread } from './inference/modelThread.js'
import { DEFAULT_LIMITS, type ServerLimits } from './limits.js'
import { PAGE_FOLDER } from './page.js'
import { FoundPictures } from './pictures/foundPictures.js'
import { PictureReader } from './pictures/pictureReader.js'
import { PictureThread } from './pictures/pictureThread.js'
import { TrainingRuns } from './trainingRuns/trainingRuns.js'
import type { Services } from './services.js'

export interface ServeOptions extends ExecutionOptions, FrozenModels {
  /** A model as `openModelDirectory` takes it: a directory, OWNER/NAME on the Hugging Face hub, a checkpoint of the authors. */
  readonly model: string
  /** Another model for match, vectors, attention and search, see `LoadOptions`; it must read pictures of the same size. */
  readonly retrievalModel?: string
  /** Bytes while a model of the hub is fetched. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** See `LoadOptions`. */
  readonly dtype?: ModelDtype
  /** The package's, to tell clients. */
  readonly version: string
  /** Default '127.0.0.1': this machine alone. */
  readonly host?: string
  /** Default 8080; 0 takes a free one. */
  readonly port?: number
  /** Threads that each hold the model and run it (default 1). */
  readonly workers?: number
  /** Requests must bring it as a bearer token (default: none is asked for). */
  readonly token?: string
  /** Whether http(s) addresses of pictures are opened (default: no). */
  readonly allowImageAddresses?: boolean
  /** Names besides this machine's that a server on 127.0.0.1 answers for, such as a proxy's. */
  readonly allowedHosts?: readonly string[]
  /** Origins whose pages may use the server (default: none but its own). */
  readonly corsOrigins?: readonly string[]
  readonly limits?: Partial<ServerLimits>
  /** Path of a module whose default export is an OutputFilter. */
  readonly outputFilter?: string
  /** Folder of a picture index to search, made with this model (`blip2 index`). */
  readonly index?: string
  /** Folder of training directories to show. */
  readonly runs?: string
  /** Takes what went wrong on the server's side (default: stderr). */
  readonly log?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface RunningServer {
  /** Where it listens: 'http://127.0.0.1:8080'. */
  readonly url: string
  /** Resolves with the error that makes the server unusable, if that ever happens. */
  readonly broken: Promise<Error>
  /**
   * Takes no more requests, lets those under way be answered for so long (default 30 s), then gives them up with 503,
   * and frees the models.
   */
  close(graceMs?: number): Promise<void>
}

const DEFAULT_PORT = 8080
const GRACE_MS = 30_000

/**
 * Serves a model over HTTP (docs/server.md). Close it when done.
 *
 * @throws as Blip2.fromPretrained; ConfigError for an empty token, limits that do not go together, an output filter or a
 * folder of runs that is not there; the system's error where the address cannot be listened on.
 */
export async function openServer(options: ServeOptions): Promise<RunningServer> {
  if (options.token?.trim() === '')
    throw new ConfigError(
      'the token is empty, so the server would be open to all; give --token or BLIP2_TOKEN a text, or neither',
    )
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const runs = options.runs === undefined ? {} : { runs: await TrainingRuns.open(options.runs) }
  const models = await openModels(options)
  const { info } = models[0]!
  const preparer = new PictureThread({ imageSize: info.imageSize, maxPixels: limits.pixels })
  const dispose = async () => {
    await Promise.all([preparer.dispose(), ...models.map((model) => model.dispose())])
  }
  try {
    const metrics = serverMetrics()
    const dispatcher = new Dispatcher(models, { maxBatch: limits.batch, onBatch: metrics.batch })
    const admission = new Admission(limits.requests, () => dispatcher.expectedWait)
    metrics.watch({ underWay: () => admission.inside, waiting: () => dispatcher.waiting })
    const allowAddresses = options.allowImageAddresses ?? false
    const scopes = new Set<RequestScope>()
    const services: Services = {
      modelName: basename(absolute(options.model)),
      model: info,
      limits,
      dispatcher,
      pictures: new PictureReader(preparer, { allowAddresses, maxBytes: limits.bodyBytes }),
      admission,
      scopes,
      found: new FoundPictures(),
      ...runs,
      log: options.log ?? console.error,
    }
    const host = options.host ?? '127.0.0.1'
    const closing = new AbortController()
    const app = await createApp(services, {
      version: options.version,
      imageAddresses: allowAddresses,
      metrics,
      isOpen: () => !closing.signal.aborted,
      pageFolder: fileURLToPath(PAGE_FOLDER),
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(isLoopback(host) ? { hostNames: options.allowedHosts ?? [] } : {}),
      ...(options.corsOrigins ? { corsOrigins: options.corsOrigins } : {}),
    })
    const server = createAdaptorServer({ fetch: app.fetch, createServer, overrideGlobalObjects: false }) as Server
    const url = await listen(server, host, options.port ?? DEFAULT_PORT)
    let closed: Promise<void> | undefined
    return {
      url,
      broken: Promise.race([preparer.died, ...models.map(({ died }) => died)]),
      close: (graceMs = GRACE_MS) => {
        closing.abort()
        closed ??= drain(server, admission, scopes, graceMs).then(dispose)
        return closed
      },
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function openModels({ model, workers = 1, ...options }: ServeOptions): Promise<readonly InferenceModel[]> {
  const { retrievalModel, onDownload, device, threads, dtype, index, outputFilter, signal } = options
  const { vision, languageModel, bert } = options
  if (!Number.isInteger(workers) || workers < 1) throw new ConfigError(`workers must be at least 1, got ${workers}`)
  // Here, so that each is fetched once however many threads open it.
  const resolve = (name: string) =>
    resolveModel(name, { ...(onDownload ? { onProgress: onDownload } : {}), ...(signal ? { signal } : {}) })
  const data = {
    path: await resolve(model),
    ...(retrievalModel === undefined ? {} : { retrievalModel: await resolve(retrievalModel) }),
    ...(vision === undefined ? {} : { vision: await resolve(vision) }),
    ...(languageModel === undefined ? {} : { languageModel: await resolve(languageModel) }),
    ...(bert === undefined ? {} : { bert: await resolve(bert) }),
    ...(device === undefined ? {} : { device }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(threads === undefined ? {} : { threads }),
    ...(index === undefined ? {} : { index }),
    ...(outputFilter === undefined ? {} : { outputFilter: pathToFileURL(absolute(outputFilter)).href }),
  }
  const opening = Array.from({ length: workers }, () => ModelThread.open(data, signal))
  const settled = await Promise.allSettled(opening)
  const failed = settled.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
  const models = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (!failed) return models
  await Promise.all(models.map((opened) => opened.dispose()))
  throw failed.reason
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      listening()
    })
  })
  const { address, family, port: taken } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`
}

/** Waits for the requests under way, for so long, then ends them; streams of metrics end at once. */
async function drain(server: Server, admission: Admission, scopes: Set<RequestScope>, graceMs: number): Promise<void> {
  const reason = new HttpError(503, 'CLOSING', 'the server is being shut down', { connection: 'close' })
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const timer = setTimeout(() => {
    for (const scope of scopes) scope.end(reason)
  }, graceMs)
  for (const scope of scopes) if (!scope.limited) scope.end(reason)
  await admission.empty()
  clearTimeout(timer)
  // The answers are on their way; connections that are kept for more requests end here.
  server.closeIdleConnections()
  const stragglers = setTimeout(() => server.closeAllConnections(), 1000)
  await closed
  clearTimeout(stragglers)
}
