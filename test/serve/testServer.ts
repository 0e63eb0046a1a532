import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import sharp from 'sharp'
import { type AppOptions, createApp } from '../../src/serve/app.js'
import { Admission } from '../../src/serve/http/admission.js'
import type { RequestScope } from '../../src/serve/http/requestScope.js'
import { serverMetrics } from '../../src/serve/http/serverMetrics.js'
import { Blip2Model } from '../../src/serve/inference/blip2Model.js'
import { type BatchReport, Dispatcher } from '../../src/serve/inference/dispatcher.js'
import type { InferenceModel } from '../../src/serve/inference/inferenceModel.js'
import { DEFAULT_LIMITS, type ServerLimits } from '../../src/serve/limits.js'
import { FoundPictures } from '../../src/serve/pictures/foundPictures.js'
import { PictureReader, type PictureReaderOptions } from '../../src/serve/pictures/pictureReader.js'
import { preparePicture } from '../../src/serve/pictures/preparedPicture.js'
import type { Services } from '../../src/serve/services.js'
import { writeTinyModel } from '../tasks/tinyModel.js'

export interface TinyModel {
  readonly directory: string
  readonly model: Blip2Model
  dispose(): Promise<void>
}

export async function openTinyModel(): Promise<TinyModel> {
  const parent = await mkdtemp(join(tmpdir(), 'blip2-serve-'))
  const directory = join(parent, 'tiny')
  await writeTinyModel(directory, undefined, { maxPositions: 160 })
  const model = await Blip2Model.open(directory)
  return {
    directory,
    model,
    dispose: async () => {
      await model.dispose()
      await rm(parent, { recursive: true })
    },
  }
}

export interface TestAppOptions extends Partial<AppOptions> {
  readonly limits?: Partial<ServerLimits>
  readonly reader?: Partial<PictureReaderOptions>
  readonly services?: Partial<Services>
}

export interface TestApp {
  readonly app: Hono
  readonly services: Services
  readonly batches: BatchReport[]
  /** What was logged as the server's own failure. */
  readonly logged: string[]
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>
}

/** The server's routes over a model in this thread. */
export async function testApp(model: InferenceModel, options: TestAppOptions = {}): Promise<TestApp> {
  const { limits: ownLimits, reader, services: ownServices, ...appOptions } = options
  const limits = { ...DEFAULT_LIMITS, ...ownLimits }
  const batches: BatchReport[] = []
  const logged: string[] = []
  const metrics = serverMetrics()
  const onBatch = (batch: BatchReport) => {
    batches.push(batch)
    metrics.batch(batch)
  }
  const dispatcher = new Dispatcher([model], { maxBatch: limits.batch, onBatch })
  const preparer = {
    prepare: (bytes: Uint8Array, signal: AbortSignal) =>
      preparePicture(bytes, { imageSize: model.info.imageSize, maxPixels: limits.pixels }, signal),
    dispose: async () => {},
  }
  const admission = new Admission(limits.requests, () => dispatcher.expectedWait)
  metrics.watch({ underWay: () => admission.inside, waiting: () => dispatcher.waiting })
  const services: Services = {
    modelName: 'tiny',
    model: model.info,
    limits,
    dispatcher,
    pictures: new PictureReader(preparer, { allowAddresses: false, maxBytes: limits.bodyBytes, ...reader }),
    admission,
    scopes: new Set<RequestScope>(),
    found: new FoundPictures(),
    log: (line) => logged.push(line),
    ...ownServices,
  }
  const app = await createApp(services, {
    version: '0.0.0',
    imageAddresses: false,
    metrics,
    isOpen: () => true,
    ...appOptions,
  })
  const post = async (path: string, body: unknown, init: RequestInit = {}) =>
    app.request(path, {
      method: 'POST',
      body: JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    })
  return { app, services, batches, logged, post }
}

/** The app on a port of this machine, as it is served. */
export async function listen(
  app: Hono,
): Promise<{ readonly url: string; readonly server: Server; close(): Promise<void> }> {
  const server = createAdaptorServer({ fetch: app.fetch, createServer, overrideGlobalObjects: false }) as Server
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    close: () => {
      server.closeAllConnections()
      return new Promise((closed) => server.close(() => closed()))
    },
  }
}

/** The model, whose runs and streams wait until they are let go. */
export function gated(model: InferenceModel): {
  readonly model: InferenceModel
  readonly started: () => number
  readonly stopped: () => number
  release(): void
} {
  let open: () => void
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  let started = 0
  let stopped = 0
  const wait = (signal: AbortSignal) => {
    started++
    return new Promise<void>((resolve, reject) => {
      gate.then(resolve)
      signal.addEventListener('abort', () => {
        stopped++
        reject(signal.reason)
      })
    })
  }
  return {
    model: {
      info: model.info,
      died: model.died,
      dispose: async () => {},
      run: async (task, inputs, options, signal) => {
        await wait(signal)
        return model.run(task, inputs, options, signal)
      },
      async *stream(task, input, options, signal) {
        await wait(signal)
        return yield* model.stream(task, input, options, signal)
      },
    },
    started: () => started,
    stopped: () => stopped,
    release: () => open(),
  }
}

/** A PNG of one colour as a data URL. */
export async function dataUrl(background: string, size = 20): Promise<string> {
  return `data:image/png;base64,${(await png(background, size)).toString('base64')}`
}

export const png = (background: string, size = 20): Promise<Buffer> =>
  sharp({ create: { width: size, height: size, channels: 3, background } })
    .png()
    .toBuffer()

/** The events of a response, parsed: name and data. */
export async function readEvents(response: Response): Promise<{ event: string; data: unknown }[]> {
  const text = await response.text()
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const event = /^event: (.*)$/m.exec(block)?.[1] ?? 'message'
      const data = /^data: (.*)$/m.exec(block)![1]!
      return { event, data: data === '[DONE]' ? data : JSON.parse(data) }
    })
}

/** The JSON of a response, as the test knows it to be. */
export const jsonOf = async <T>(response: Response): Promise<T> => (await response.json()) as T

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
