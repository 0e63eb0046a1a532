import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.js'
import { tryFileLock } from '../weights/fileLock.js'
import { parseOwner } from '../weights/lockOwner.js'

const LOCK_FILE = 'training.lock'
/** Of a process of this machine it is seen at once that it died; a step of a large model may take minutes. */
const STALE_MS = 600_000

/**
 * Keeps other trainings out of a directory, which is made where it is missing, until the lock is disposed. What a
 * training that was killed has left does not stand in the way of the next one on the same machine.
 *
 * @throws ConfigError where another training has the directory.
 */
export async function lockTrainingDirectory(directory: string): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, LOCK_FILE)
  const lock = await tryFileLock(path, STALE_MS)
  if (lock) return lock
  const owner = parseOwner(await readFile(path, 'utf8').catch(() => ''))
  const who = owner ? `process ${owner.pid} on ${owner.host.split(' ')[0]}` : 'another process'
  throw new ConfigError(
    `${directory} is being trained into by ${who}; wait for its end, or train into another directory. Where it was killed on another machine, remove ${path}`,
  )
}
