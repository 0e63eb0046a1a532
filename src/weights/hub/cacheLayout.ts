import { randomUUID } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink, rename, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { replaceFile } from '../replaceFile.js'

/**
 * A model in Hugging Face's cache: `blobs/HASH` holds the files, `snapshots/COMMIT/NAME` links to them, `refs/REVISION`
 * holds the commit that a branch or tag stood for. The runtime follows no link out of a directory, so weights are mapped
 * from `blobs` (graphWeights.ts resolves the links).
 */
export class CachedRepository {
  readonly #path: string

  constructor(cacheDirectory: string, id: string) {
    this.#path = join(cacheDirectory, `models--${id.replaceAll('/', '--')}`)
  }

  snapshot(commit: string): string {
    return join(this.#path, 'snapshots', commit)
  }

  blob(hash: string): string {
    return join(this.#path, 'blobs', hash)
  }

  /** The commit that a revision stood for when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await unlessMissing(readFile(this.#ref(revision), 'utf8'))
    const commit = text?.trim()
    return commit !== undefined && isCommit(commit) ? commit : undefined
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return
    await mkdir(dirname(this.#ref(revision)), { recursive: true })
    await replaceFile(this.#ref(revision), commit)
  }

  /** Names of a snapshot's files whose content is there. */
  async files(commit: string): Promise<string[]> {
    const names = (await unlessMissing(readdir(this.snapshot(commit)))) ?? []
    const present = await Promise.all(names.map((name) => unlessMissing(stat(join(this.snapshot(commit), name)))))
    return names.filter((_, i) => present[i]?.isFile())
  }

  /** Whether a file is there as a whole: its blob, or itself where there are no links. */
  async holds(commit: string, name: string, hash: string, bytes: number): Promise<boolean> {
    if ((await unlessMissing(stat(this.blob(hash))))?.size === bytes) return true
    const file = await unlessMissing(lstat(join(this.snapshot(commit), name)))
    return file?.isFile() === true && file.size === bytes
  }

  /**
   * Shows a blob under a file's name, which at no moment is missing or half there: other processes may have the model
   * open. Where the system has no links, or does not allow them (Windows), the file moves there.
   */
  async link(commit: string, name: string, hash: string): Promise<void> {
    const path = join(this.snapshot(commit), name)
    const blob = this.blob(hash)
    const target = relative(dirname(path), blob)
    const there = await unlessMissing(lstat(path))
    if (there?.isSymbolicLink() && (await readlink(path)) === target) return
    if (there?.isFile() && !(await unlessMissing(stat(blob)))) return
    await mkdir(dirname(path), { recursive: true })
    const temporary = `${path}.${randomUUID()}`
    try {
      await symlink(target, temporary)
    } catch (error) {
      if (!WITHOUT_LINKS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      return rename(blob, path)
    }
    await rename(temporary, path)
  }

  #ref(revision: string): string {
    return join(this.#path, 'refs', revision)
  }
}

/** What systems say that have no links, or do not let everyone make them. */
const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
