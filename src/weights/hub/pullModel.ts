import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError, ModelNotFoundError } from '../../errors.js'
import { CachedRepository, isCommit } from './cacheLayout.js'
import { withFileLock } from '../fileLock.js'
import { isWholeModel } from './wholeModel.js'
import { type HubSettings, hubSettings } from './hubSettings.js'
import { findRepository, type Repository } from './repositoryFiles.js'
import { transfer } from './transfer.js'

/** How far a model of the hub is fetched. */
export interface DownloadProgress {
  /** The file that is fetched. */
  readonly file: string
  /** Bytes of all files that are there, and in all. */
  readonly done: number
  readonly total: number
}

export interface PullOptions {
  /** Branch, tag or commit (default 'main'). */
  readonly revision?: string
  /** Instead of what the environment says; see `hubSettings`. */
  readonly settings?: Partial<HubSettings>
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

export interface PulledModel {
  readonly directory: string
  readonly commit: string
  /** Names of the files. */
  readonly files: readonly string[]
  /** Bytes that were not in the cache. */
  readonly fetched: number
}

/**
 * Fetches a model from the Hugging Face hub into the cache that its own tools use too, and gives its directory there.
 * Files that are there are not fetched again; a transfer that was cut goes on; every file's hash is checked before it
 * takes its name. Two processes that want one file take turns. Offline, or for a commit that is there as a whole, nothing is asked of the network.
 *
 * @throws ConfigError for an id that is none; ModelNotFoundError where the model is not there, not for this token, not in
 * the cache while offline, or the hub cannot be reached; WeightsError for wrong content or transfers that keep failing.
 */
export async function pullModel(id: string, options: PullOptions = {}): Promise<PulledModel> {
  if (!isHubId(id)) throw new ConfigError(`'${id}' is no model of the hub; expected OWNER/NAME`)
  const { revision = 'main', signal } = options
  if (!isRevision(revision)) throw new ConfigError(`'${revision}' is no revision; expected a branch, a tag or a commit`)
  const settings = { ...(await hubSettings()), ...options.settings }
  const cache = new CachedRepository(settings.cacheDirectory, id)
  const known = await cache.commitOf(revision)
  const cached = known === undefined ? [] : await cache.files(known)
  const complete = known !== undefined && (await isWholeModel(cache.snapshot(known), cached))
  if (complete && (settings.offline || isCommit(revision)))
    return { directory: cache.snapshot(known), commit: known, files: cached, fetched: 0 }
  if (settings.offline)
    throw new ModelNotFoundError(
      `${id}${revision === 'main' ? '' : ` at ${revision}`} is not in ${settings.cacheDirectory} as a whole, and HF_HUB_OFFLINE says to stay offline; run "blip2 pull ${id}" once without it`,
    )
  const repository = await findRepository(id, revision, settings, signal)
  const fetched = await fetchFiles(cache, id, repository, settings, options)
  await cache.setCommit(revision, repository.commit)
  return {
    directory: cache.snapshot(repository.commit),
    commit: repository.commit,
    files: repository.files.map(({ name }) => name),
    fetched,
  }
}

/** OWNER/NAME. */
export const isHubId = (text: string): boolean => /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text)

/** Branches may have slashes; nothing may lead out of the cache's folder of references. */
const isRevision = (text: string): boolean => /^[\w.-]+(\/[\w.-]+)*$/.test(text) && !text.split('/').includes('..')

/** Of a pull that was interrupted it is missing. */
const LAST_FILE = 'config.json'

/** -> bytes that were fetched */
async function fetchFiles(
  cache: CachedRepository,
  id: string,
  { commit, files }: Repository,
  { endpoint, token }: HubSettings,
  { onProgress, signal }: PullOptions,
): Promise<number> {
  if (!files.some(({ name }) => name === LAST_FILE))
    throw new ModelNotFoundError(`${endpoint}/${id} has no ${LAST_FILE}; it is not a model that can be opened here`)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const inOrder = [...files].sort((a, b) => Number(a.name === LAST_FILE) - Number(b.name === LAST_FILE))
  let done = 0
  let fetched = 0
  for (const file of inOrder) {
    signal?.throwIfAborted()
    const { name, bytes, hash } = file
    const report = (there: number) => onProgress?.({ file: name, done: done + there, total })
    const isThere = () => cache.holds(commit, name, hash.hex, bytes)
    if (!(await isThere())) {
      const blob = cache.blob(hash.hex)
      await mkdir(dirname(blob), { recursive: true })
      const fetchIt = async () => {
        // Another process may have fetched it while this one waited.
        if (await isThere()) return
        await transfer(`${endpoint}/${id}/resolve/${commit}/${name}`, file, blob, {
          onBytes: report,
          ...(token ? { token } : {}),
          ...(signal ? { signal } : {}),
        })
        fetched += bytes
      }
      await withFileLock(`${blob}.lock`, fetchIt, signal ? { signal } : {})
    }
    await cache.link(commit, name, hash.hex)
    done += bytes
    report(0)
  }
  return fetched
}
