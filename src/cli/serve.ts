import { type Command, InvalidArgumentError } from 'commander'
import { RuntimeError } from '../errors.js'
import { MODEL_DTYPES } from '../quantize/weightBits.js'
import { isLoopback } from '../serve/http/hostCheck.js'
import { DEFAULT_LIMITS } from '../serve/limits.js'
import { type Io, printJson } from './io.js'
import {
  addModelOptions,
  addRetrievalModelOption,
  frozenModels,
  type ModelFlags,
  type RetrievalModelFlag,
} from './model.js'
import { addJsonOption, type JsonOption, positiveInteger, wholeNumber } from './options.js'
import { progressLine } from './progress.js'

interface ServeFlags extends ModelFlags, RetrievalModelFlag, JsonOption {
  readonly host: string
  readonly port: number
  readonly workers: number
  readonly token?: string
  readonly allowImageUrls?: true
  readonly allowedHost?: string[]
  readonly cors?: string[]
  readonly queue: number
  readonly batch: number
  readonly timeout: number
  readonly maxBody: number
  readonly maxPixels: number
  readonly maxNewTokens: number
  readonly grace: number
  readonly outputFilter?: string
  readonly index?: string
  readonly runs?: string
}

const MEGA = 1e6
const MIB = 2 ** 20

export function registerServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('answer requests over HTTP, and show a page')
    .option('--host <address>', 'where to listen; another than 127.0.0.1 lets other machines in', '127.0.0.1')
    .option('--port <n>', 'where to listen; 0 takes a free one', portNumber, 8080)
    .option('--workers <n>', 'threads that each hold the model', positiveInteger, 1)
    .option('--token <text>', 'bearer token that requests must bring; better in the environment, as BLIP2_TOKEN')
    .option('--allow-image-urls', 'open http(s) addresses of pictures, on the public internet only')
    .option('--allowed-host <name...>', 'names of a proxy that this server is reached by')
    .option('--cors <origin...>', 'web pages of other origins that may use it')
    .option('--queue <n>', 'requests under way at most; more get 429', positiveInteger, DEFAULT_LIMITS.requests)
    .option('--batch <n>', 'pictures that run together, and of one request', positiveInteger, DEFAULT_LIMITS.batch)
    .option('--timeout <s>', 'seconds for a request', positiveInteger, DEFAULT_LIMITS.timeMs / 1000)
    .option('--max-body <MiB>', 'size of a request', positiveInteger, DEFAULT_LIMITS.bodyBytes / MIB)
    .option('--max-pixels <millions>', 'size of a picture', positiveInteger, DEFAULT_LIMITS.pixels / MEGA)
    .option('--max-new-tokens <n>', 'length of a text', positiveInteger, DEFAULT_LIMITS.newTokens)
    .option('--grace <s>', 'seconds that requests under way have when the server is stopped', wholeNumber, 30)
    .option('--output-filter <file>', 'module that sees every text first: export default (text) => text or null')
    .option('--index <folder>', 'picture index to search, made with this model by blip2 index')
    .option('--runs <dir>', 'folder of training directories to show')
    .action(async (flags: ServeFlags) => {
      dieOnSecondSignal(io)
      const { openServer } = await import('../serve/server.js')
      const version = program.version()!
      const token = flags.token ?? process.env['BLIP2_TOKEN']
      if (!isLoopback(flags.host) && token === undefined)
        io.err('warning: whoever reaches this address can use the server; set BLIP2_TOKEN to ask for a token\n')
      const progress = progressLine(io)
      const server = await openServer({
        ...serveOptions(flags),
        onDownload: ({ file, done, total }) =>
          progress.report(`fetching ${file}, MB`, Math.round(done / 1e6), Math.round(total / 1e6)),
        ...(token === undefined ? {} : { token }),
        version,
        signal: io.signal,
      })
      progress.clear()
      if (flags.json) printJson(io, { url: server.url })
      else io.out(`${server.url}\n`)
      const death = await Promise.race([server.broken, aborted(io.signal)])
      if (!death && io.interactive) io.err('stopping; once more stops at once\n')
      await server.close(flags.grace * 1000)
      if (death) throw new RuntimeError(death.message, { cause: death })
    })
  addJsonOption(addRetrievalModelOption(addModelOptions(command)))
}

function serveOptions(flags: ServeFlags) {
  const { model, retrievalModel, device, threads, host, port, workers, allowedHost, cors, outputFilter, index, runs } =
    flags
  return {
    model,
    ...(retrievalModel === undefined ? {} : { retrievalModel }),
    ...frozenModels(flags),
    device,
    dtype: MODEL_DTYPES[flags.dtype],
    ...(threads === undefined ? {} : { threads }),
    host,
    port,
    workers,
    allowImageAddresses: flags.allowImageUrls ?? false,
    ...(allowedHost ? { allowedHosts: allowedHost } : {}),
    ...(cors ? { corsOrigins: cors } : {}),
    ...(outputFilter === undefined ? {} : { outputFilter }),
    ...(index === undefined ? {} : { index }),
    ...(runs === undefined ? {} : { runs }),
    limits: {
      requests: flags.queue,
      batch: flags.batch,
      timeMs: flags.timeout * 1000,
      bodyBytes: flags.maxBody * MIB,
      pixels: flags.maxPixels * MEGA,
      newTokens: flags.maxNewTokens,
    },
  }
}

/**
 * Ends the process by the signal itself when it is told to stop a second time: process.exit would take the model's
 * threads down in the middle of a run, which the runtime answers by aborting.
 */
function dieOnSecondSignal(io: Io): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.prependListener(signal, () => {
      if (!io.signal.aborted) return
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    })
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

function portNumber(text: string): number {
  const port = Number(text)
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('expected a port from 0 to 65535')
  return port
}
