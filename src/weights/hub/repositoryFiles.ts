import { HubApiError, type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub'
import { ModelNotFoundError, WeightsError } from '../../errors.js'
import { isCommit } from './cacheLayout.js'
import type { HubSettings } from './hubSettings.js'

/** A file of a model on the hub. */
export interface RepositoryFile {
  readonly name: string
  readonly bytes: number
  /** What its content is checked with: SHA-256 for large files, git's blob hash for the others; also its name in the cache. */
  readonly hash: { readonly kind: 'sha256' | 'git'; readonly hex: string }
}

export interface Repository {
  readonly commit: string
  /** The files that a model is opened from, as far as they are there. */
  readonly files: readonly RepositoryFile[]
}

/**
 * Asks the hub which commit a revision is and which of its files are needed: texts, and weights as safetensors, or as
 * PyTorch's files where there are no others.
 *
 * @throws ModelNotFoundError where there is no such model or revision, it may not be read, or the hub cannot be reached.
 */
export async function findRepository(
  id: string,
  revision: string,
  { endpoint, token }: HubSettings,
  signal?: AbortSignal,
): Promise<Repository> {
  const common = {
    hubUrl: endpoint,
    fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
      fetch(input, { ...init, ...(signal ? { signal } : {}) }),
    ...(token ? { accessToken: token } : {}),
  }
  try {
    const { sha } = await modelInfo({ name: id, revision, additionalFields: ['sha'], ...common })
    if (typeof sha !== 'string' || !isCommit(sha)) throw new WeightsError(`${endpoint} names no commit for ${id}`)
    const files: RepositoryFile[] = []
    for await (const entry of listFiles({ repo: id, revision: sha, ...common })) {
      const file = entry.type === 'file' ? repositoryFile(entry) : undefined
      if (file) files.push(file)
    }
    return { commit: sha, files: neededFiles(files) }
  } catch (error) {
    signal?.throwIfAborted()
    throw explain(error, id, revision, endpoint)
  }
}

/** Undefined for what lies deeper, and for names that are more than a name. */
function repositoryFile({ path, size, oid, lfs }: ListFileEntry): RepositoryFile | undefined {
  if (!/^[\w][\w.-]*$/.test(path)) return undefined
  const hash = lfs ? { kind: 'sha256' as const, hex: lfs.oid } : { kind: 'git' as const, hex: oid ?? '' }
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash.hex)) throw new WeightsError(`the hub gives no hash for ${path}`)
  return { name: path, bytes: lfs?.size ?? size, hash }
}

const TEXTS = /\.(json|txt)$|^(README\.md|spiece\.model)$/
const SAFETENSORS = /\.safetensors$/
const PYTORCH = /\.(bin|pth|pt)$/

function neededFiles(files: readonly RepositoryFile[]): RepositoryFile[] {
  const weights = [SAFETENSORS, PYTORCH].find((kind) => files.some(({ name }) => kind.test(name)))
  return files.filter(({ name }) => TEXTS.test(name) || weights?.test(name))
}

function explain(error: unknown, id: string, revision: string, endpoint: string): unknown {
  if (error instanceof WeightsError) return error
  const which = revision === 'main' ? id : `${id} at ${revision}`
  if (!(error instanceof HubApiError))
    return new ModelNotFoundError(
      `${endpoint} cannot be reached to look for ${which}; with HF_HUB_OFFLINE=1 a copy in the cache is used. A directory of that name does not exist either`,
      { cause: error },
    )
  const { statusCode } = error
  const reason =
    statusCode === 401 || statusCode === 403
      ? 'does not exist or may not be read by everyone; for a private or gated model set HF_TOKEN to a token that may read it'
      : statusCode === 404
        ? 'does not exist; expected OWNER/NAME as on the model’s page'
        : `cannot be looked up now (${statusCode}); try again later`
  return new ModelNotFoundError(`${endpoint}: ${which} ${reason}. There is no directory of that name either`, {
    cause: error,
  })
}
