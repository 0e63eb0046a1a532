import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { RepositoryFile } from './repositoryFiles.js'

/** The hash of a file as the hub counts it, to be fed its bytes: git puts a header in front of them. */
export function contentHash({ hash: { kind }, bytes }: RepositoryFile): Hash {
  if (kind === 'sha256') return createHash('sha256')
  return createHash('sha1').update(`blob ${bytes}\0`)
}

/** Feeds a file's bytes to a hash. */
export async function hashFile(path: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array)
}
