import { setTimeout as delay } from 'node:timers/promises'
import { DataError } from '../../errors.js'
import type { ByteSource } from './byteSource.js'

/** Tries in a row without a single new byte before a transfer is given up. */
const TRIES = 4
const FIRST_DELAY_MS = 200

/** A file behind http(s). A transfer that breaks off goes on from the byte it had reached, if the file is unchanged. */
export function httpSource(address: string, signal?: AbortSignal): ByteSource {
  return {
    name: address,
    async size() {
      const response = await retrying(address, signal, () => request(address, 'bytes=0-0', signal))
      await response.body?.cancel()
      const size = totalBytes(response)
      if (size === undefined) throw new DataError(`${address} does not tell its length (no Content-Length)`)
      return size
    },
    async read(start, end) {
      const bytes = new Uint8Array(end - start)
      let filled = 0
      for await (const chunk of stream(address, start, end, signal)) {
        bytes.set(chunk, filled)
        filled += chunk.length
      }
      if (filled < bytes.length)
        throw new DataError(`${address} ends at byte ${start + filled}; expected ${end} bytes or more`)
      return bytes
    },
    stream: (start = 0) => stream(address, start, undefined, signal),
  }
}

async function* stream(
  address: string,
  start: number,
  end: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let at = start
  let failures = 0
  let version: string | undefined
  while (end === undefined || at < end) {
    try {
      const response = await request(address, rangeHeader(at, end), signal)
      if (response.status === 416) return
      version = sameVersion(address, version, response)
      const total = totalBytes(response)
      for await (const chunk of wanted(response, at, end)) {
        at += chunk.length
        failures = 0
        yield chunk
      }
      if (total === undefined || at >= Math.min(total, end ?? total)) return
      throw new Error(`the transfer stopped at byte ${at} of ${total}`)
    } catch (cause) {
      await pauseOrThrow(address, ++failures, cause, signal)
    }
  }
}

/** Also for servers that ignore ranges: the bytes before `at` and from `end` on are dropped. */
async function* wanted(response: Response, at: number, end: number | undefined): AsyncGenerator<Uint8Array> {
  let skip = response.status === 206 ? 0 : at
  let left = end === undefined ? Number.POSITIVE_INFINITY : end - at
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    const kept = chunk.subarray(Math.min(skip, chunk.length))
    skip -= chunk.length - kept.length
    if (kept.length > 0) yield kept.subarray(0, Math.min(left, kept.length))
    left -= kept.length
    if (left <= 0) return
  }
}

async function request(address: string, range: string | undefined, signal: AbortSignal | undefined) {
  // Compression on the way would make lengths and offsets meaningless.
  const headers = { 'accept-encoding': 'identity', ...(range === undefined ? {} : { range }) }
  const response = await fetch(address, { headers, ...(signal ? { signal } : {}) })
  if (response.ok || response.status === 416) return response
  await response.body?.cancel()
  const message = `${address} answered ${response.status} ${response.statusText}`
  const passing = response.status >= 500 || response.status === 429 || response.status === 408
  throw passing ? new Error(message) : new DataError(message)
}

function rangeHeader(at: number, end: number | undefined): string | undefined {
  if (at === 0 && end === undefined) return undefined
  return `bytes=${at}-${end === undefined ? '' : end - 1}`
}

function totalBytes(response: Response): number | undefined {
  const ofRange = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  const text = response.status === 206 ? ofRange : response.headers.get('content-length')
  return text === undefined || text === null ? undefined : Number(text)
}

function sameVersion(address: string, known: string | undefined, response: Response): string | undefined {
  const version = response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined
  if (known !== undefined && version !== known)
    throw new DataError(`${address} changed while it was read (${known} became ${version ?? 'unnamed'}); start again`)
  return version
}

async function retrying<T>(address: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await run()
    } catch (cause) {
      await pauseOrThrow(address, failures, cause, signal)
    }
  }
}

async function pauseOrThrow(address: string, failures: number, cause: unknown, signal: AbortSignal | undefined) {
  signal?.throwIfAborted()
  if (cause instanceof DataError) throw cause
  if (failures >= TRIES) throw new DataError(`cannot download ${address}: ${messageOf(cause)}`, { cause })
  await delay(FIRST_DELAY_MS * 2 ** (failures - 1), undefined, signal ? { signal } : {})
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message
}
