import { open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { ModelNotFoundError, WeightsError } from '../../errors.js'
import { contentHash, hashFile } from './contentHash.js'
import type { RepositoryFile } from './repositoryFiles.js'

export interface TransferOptions {
  readonly token?: string
  readonly signal?: AbortSignal
  /** Bytes of the file that are there, earlier transfers' included. */
  readonly onBytes?: (bytes: number) => void
  /** Milliseconds without a byte after which a connection is given up (default 30,000). */
  readonly stallMs?: number
}

/** Tries in a row without a new byte. */
const TRIES = 5
const FIRST_DELAY_MS = 500

/**
 * Fetches a file. What arrives lies beside it as PATH.incomplete, so a transfer that breaks off, now or in an earlier
 * run, goes on from where it was; the file takes its name once all of it is there and its hash is right.
 *
 * @throws WeightsError for the wrong content (which is thrown away), or where the hub keeps failing; ModelNotFoundError
 * where it refuses.
 */
export async function transfer(
  address: string,
  file: RepositoryFile,
  path: string,
  options: TransferOptions = {},
): Promise<void> {
  const { signal, onBytes } = options
  const partial = `${path}.incomplete`
  for (let failures = 0; ; ) {
    const before = await sizeOf(partial)
    onBytes?.(Math.min(before, file.bytes))
    if (before >= file.bytes && file.bytes > 0) break
    let cause: unknown
    try {
      await fetchFrom(address, before, partial, options)
      if ((await sizeOf(partial)) >= file.bytes) break
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ModelNotFoundError || isSystemError(error)) throw error
      cause = error
    }
    failures = (await sizeOf(partial)) > before ? 1 : failures + 1
    if (failures >= TRIES)
      throw new WeightsError(
        `${address}: the transfer stopped at ${await sizeOf(partial)} of ${file.bytes} bytes and does not go on; what is there is kept, try again later`,
        { cause },
      )
    await delay(FIRST_DELAY_MS * 2 ** (failures - 1), undefined, signal ? { signal } : {})
  }
  await checkContent(address, file, partial)
  await rename(partial, path)
}

/** Adds to the file the bytes from `start` on. A server that knows no ranges begins again. */
async function fetchFrom(
  address: string,
  start: number,
  partial: string,
  { token, signal, onBytes, stallMs = 30_000 }: TransferOptions,
): Promise<void> {
  const stalled = new AbortController()
  const watch = setTimeout(() => stalled.abort(new Error(`no byte came for ${stallMs / 1000} s`)), stallMs)
  try {
    const response = await fetch(address, {
      headers: {
        // Compression on the way would make offsets meaningless.
        'accept-encoding': 'identity',
        ...(start > 0 ? { range: `bytes=${start}-` } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      signal: AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]),
    })
    if (!response.ok) await refuse(address, response)
    const appending = response.status === 206
    const file = await open(partial, appending ? 'a' : 'w')
    try {
      let there = appending ? start : 0
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        watch.refresh()
        await file.writeFile(chunk)
        there += chunk.byteLength
        onBytes?.(there)
      }
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    clearTimeout(watch)
  }
}

async function refuse(address: string, response: Response): Promise<never> {
  await response.body?.cancel()
  const { status, statusText } = response
  const message = `${address} answered ${status} ${statusText}`
  if (status >= 500 || status === 408 || status === 429) throw new Error(message)
  const hint = status === 401 || status === 403 ? '; set HF_TOKEN to a token that may read the model' : ''
  throw new ModelNotFoundError(message + hint)
}

async function checkContent(address: string, file: RepositoryFile, partial: string): Promise<void> {
  const hash = contentHash(file)
  await hashFile(partial, hash)
  const found = hash.digest('hex')
  if (found === file.hash.hex) return
  const bytes = await sizeOf(partial)
  await rm(partial)
  throw new WeightsError(
    `${address}: the content is not what the hub announced: expected ${file.bytes} bytes with the hash ${file.hash.hex}, got ${bytes} with ${found}; it was thrown away, fetch it again`,
  )
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0
      throw error
    },
  )

/** A full disk does not get better by trying again; sockets fail with a syscall too, but not a path's. */
const isSystemError = (error: unknown): boolean =>
  error instanceof Error &&
  ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
