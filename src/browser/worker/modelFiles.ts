import { ModelNotFoundError, RuntimeError } from '../../errors.js'
import type { LoadProgress } from '../messages.js'
import { openModelCache } from '../modelCache.js'
import { writeFile } from '../platform/files.js'
import { join } from '../platform/paths.js'
import { modelFileNames } from './modelFileNames.js'

export interface FetchOptions {
  readonly cache: boolean
  readonly onProgress: (progress: LoadProgress) => void
  readonly signal: AbortSignal
}

/**
 * Makes the files of a model directory readable under `address`. A file of the cache is used where the server's is the
 * same still, or cannot be reached; so a model that was opened once opens offline.
 *
 * @throws ModelNotFoundError where there is no config.json; RuntimeError where a file cannot be fetched or kept.
 */
export async function fetchModelFiles(address: string, options: FetchOptions): Promise<void> {
  const store = options.cache ? await openModelCache() : undefined
  const add = (name: string, content: Blob) => writeFile(join(address, name), content)
  const config = await find(join(address, 'config.json'), store, options.signal)
  if (!config)
    throw new ModelNotFoundError(
      `no model at ${address}: it has no config.json. Give the address of a model's directory, such as models/emoji`,
    )
  const configFile = await obtain(config, store, () => undefined, options.signal)
  await add('config.json', configFile)
  const wanted = await modelFileNames(configFile, async (name) => {
    const found = await find(join(address, name), store, options.signal)
    if (!found) return undefined
    const content = await obtain(found, store, () => undefined, options.signal)
    await add(name, content)
    return content
  })
  const found = await Promise.all(wanted.map((name) => find(join(address, name), store, options.signal)))
  const total = found.reduce((sum, file) => sum + (file?.size ?? 0), 0)
  let loaded = 0
  for (const [i, file] of found.entries()) {
    if (!file) continue
    const report = (bytes: number) => {
      loaded += bytes
      options.onProgress({ loaded, total: Math.max(total, loaded), file: wanted[i]! })
    }
    await add(wanted[i]!, await obtain(file, store, report, options.signal))
  }
}

/** A file that is there: kept already, or still to be fetched. */
interface FoundFile {
  readonly url: string
  /** In bytes; 0 where the server does not say. */
  readonly size: number
  readonly kept: Response | undefined
}

async function find(url: string, store: Cache | undefined, signal: AbortSignal): Promise<FoundFile | undefined> {
  const kept = await store?.match(url)
  const answer = await fetch(url, { method: 'HEAD', cache: 'no-cache', signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    if (store) return undefined
    throw new RuntimeError(`cannot reach ${url}: ${String(cause)}`, { cause })
  })
  // Offline: what was not kept was not there either, or was never fetched; config.json tells the two apart.
  if (!answer) return kept && { url, size: sizeOf(kept), kept }
  if (isAbsent(answer)) return undefined
  if (!answer.ok) throw new RuntimeError(`${url} answered ${answer.status} ${answer.statusText}`)
  return { url, size: sizeOf(answer), kept: kept && isSameVersion(kept, answer) ? kept : undefined }
}

/** Some servers refuse what is not there, and some give a page instead. */
const isAbsent = ({ status, headers }: Response): boolean =>
  [403, 404, 410].includes(status) || (headers.get('content-type') ?? '').startsWith('text/html')

const sizeOf = ({ headers }: Response): number => Number(headers.get('content-length') ?? 0)

function isSameVersion(kept: Response, current: Response): boolean {
  for (const header of ['etag', 'last-modified', 'content-length']) {
    const [was, is] = [kept.headers.get(header), current.headers.get(header)]
    if (was !== null && is !== null) return was === is
  }
  return false
}

async function obtain(
  { url, kept }: FoundFile,
  store: Cache | undefined,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  if (kept) {
    const blob = await kept.blob()
    onBytes(blob.size)
    return blob
  }
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new RuntimeError(`cannot fetch ${url}: ${String(cause)}`, { cause })
  })
  if (!response.ok || !response.body)
    throw new RuntimeError(`${url} answered ${response.status} ${response.statusText}`)
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      onBytes(chunk.length)
      controller.enqueue(chunk)
    },
  })
  const counted = new Response(response.body.pipeThrough(counter), { headers: response.headers })
  if (!store) return counted.blob()
  await keep(store, url, counted, signal)
  // From the cache a Blob stays on disk.
  return (await store.match(url))!.blob()
}

async function keep(store: Cache, url: string, response: Response, signal: AbortSignal): Promise<void> {
  try {
    await store.put(url, response)
  } catch (cause) {
    signal.throwIfAborted()
    throw new RuntimeError(
      `cannot keep ${url} in the browser's storage: ${String(cause)}. Free some, or open the model with cache: false`,
      { cause },
    )
  }
}
