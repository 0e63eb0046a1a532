import { open, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** A lock that nobody has touched for so long was left by a process that died (default 60,000). */
  readonly staleMs?: number
  /** Between two looks at a lock that another has (default 200). */
  readonly pollMs?: number
}

/**
 * Does the work while no other process, or other call of this one, does work under the same lock: a file that exists
 * meanwhile. Waits for the others; a signal ends the waiting with an AbortError.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { signal, staleMs = 60_000, pollMs = 200 } = options
  while (!(await take(path, staleMs))) await delay(pollMs, undefined, signal ? { signal } : {})
  // A lock that somebody took away meanwhile is no failure of the work.
  const touch = () => utimes(path, new Date(), new Date()).catch(ignoreMissing)
  const heartbeat = setInterval(touch, staleMs / 4)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(path, { force: true })
  }
}

async function take(path: string, staleMs: number): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(`${process.pid}\n`)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const found = await stat(path).catch(ignoreMissing)
    if (found && Date.now() - found.mtimeMs > staleMs) await rm(path, { force: true })
    return false
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
