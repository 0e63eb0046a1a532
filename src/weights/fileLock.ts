import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning, parseOwner, thisProcess } from './lockOwner.js'

export interface LockOptions {
  readonly signal?: AbortSignal
  /**
   * A lock that nobody has touched for so long was left by a process that died (default 60,000). Of a process of this
   * machine it is seen at once that it died.
   */
  readonly staleMs?: number
  /** Between two looks at a lock that another has (default 200). */
  readonly pollMs?: number
}

const STALE_MS = 60_000

/**
 * Does the work while no other process, or other call of this one, does work under the same lock: a file that exists
 * meanwhile. Waits for the others; a signal ends the waiting with an AbortError.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { signal, staleMs = STALE_MS, pollMs = 200 } = options
  for (;;) {
    await using lock = await tryFileLock(path, staleMs)
    if (lock) return await work()
    await delay(pollMs, undefined, signal ? { signal } : {})
  }
}

/** Takes a lock for as long as it is not disposed; undefined where another process, or another call, has it. */
export async function tryFileLock(path: string, staleMs = STALE_MS): Promise<AsyncDisposable | undefined> {
  const mark = `${JSON.stringify({ ...(await thisProcess()), call: randomUUID() })}\n`
  if (!(await create(path, mark))) {
    await removeAbandoned(path, staleMs)
    if (!(await create(path, mark))) return undefined
  }
  // A heartbeat that fails makes the lock look abandoned at worst: no reason to end the work.
  const heartbeat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => undefined), staleMs / 4)
  heartbeat.unref()
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(heartbeat)
      // Where this process stood still for long, the lock may be another's by now.
      if ((await look(path))?.text === mark) await rm(path, { force: true })
    },
  }
}

async function create(path: string, mark: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    try {
      await file.writeFile(mark)
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/**
 * Removes a lock whose owner died. It is moved aside first: of several that see it, one moves it, and who moves a lock
 * that was taken anew meanwhile gives it back.
 */
async function removeAbandoned(path: string, staleMs: number): Promise<void> {
  const found = await look(path)
  if (!found || !(await isAbandoned(found, staleMs))) return
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    return ignoreMissing(error as NodeJS.ErrnoException)
  }
  const moved = await look(aside)
  if (moved?.text === found.text && moved.touchedMs === found.touchedMs) await rm(aside)
  else await rename(aside, path)
}

interface FoundLock {
  readonly text: string
  readonly touchedMs: number
}

async function look(path: string): Promise<FoundLock | undefined> {
  try {
    return { text: await readFile(path, 'utf8'), touchedMs: (await stat(path)).mtimeMs }
  } catch (error) {
    return ignoreMissing(error as NodeJS.ErrnoException)
  }
}

async function isAbandoned({ text, touchedMs }: FoundLock, staleMs: number): Promise<boolean> {
  const owner = parseOwner(text)
  if (owner && (await isRunning(owner)) === false) return true
  // Also of a process that runs: a thread of it may have been ended.
  return Date.now() - touchedMs > staleMs
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
