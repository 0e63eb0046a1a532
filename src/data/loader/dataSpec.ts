import { readdir, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { ConfigError } from '../../errors.js'
import { isAddress } from '../bytes/byteSource.js'
import { EMOJI_SPLITS, type EmojiSplit } from '../emoji/splits.js'
import { isTarName } from '../webdataset/packing.js'
import { type MixtureSpec, parseMixture, readMixture } from './mixtureSpec.js'

/** What a data argument names: a split of the embedded drawings, or files. */
export type DataSpec =
  | { readonly kind: 'emoji'; readonly split: EmojiSplit }
  | { readonly kind: 'mixture'; readonly mixture: MixtureSpec }

/**
 * Reads a data argument:
 * - `emoji`, `emoji:SPLIT`: drawings of the embedded data set (its train split);
 * - `FILE.json`: a mixture of data sets, see mixtureSpec.ts;
 * - `SHARDS`: tar shards as WebDataset writes them, `data/{000..127}.tar`, local or http(s);
 * - `FOLDER`: tar shards, the output of img2dataset, or pictures with captions.json, captions.jsonl or captions.csv.
 *
 * @throws ConfigError for anything else.
 */
export async function parseDataSpec(spec: string): Promise<DataSpec> {
  const [head, split] = spec.split(':', 2) as [string, string | undefined]
  if (head === 'emoji') return { kind: 'emoji', split: emojiSplit(split ?? 'train') }
  return { kind: 'mixture', mixture: await fileMixture(spec) }
}

async function fileMixture(spec: string): Promise<MixtureSpec> {
  const shards = await shardMixture(spec)
  if (shards) return shards
  if (await isFolder(spec)) return only('folder', spec, { folder: spec })
  throw new ConfigError(
    `${spec} names no data; expected 'emoji', 'emoji:SPLIT', a mixture (.json), tar shards, or a folder that exists`,
  )
}

/** The mixture of a data argument that names one, or tar shards, or a folder of them; undefined for anything else. */
export async function shardMixture(spec: string): Promise<MixtureSpec | undefined> {
  if (isAddress(spec) || /[{}]/.test(spec) || isTarName(spec)) return only('webdataset', spec, { shards: spec })
  if (/\.json$/i.test(spec)) return readMixture(spec)
  if (!(await isFolder(spec))) return undefined
  const names = await readdir(spec)
  if (!names.some(isTarName)) return undefined
  if (names.some((name) => /^\d+_stats\.json$/.test(name))) return only('img2dataset', spec, { folder: spec })
  return only('webdataset', spec, { shards: spec })
}

/** A mixture of one source, which is called as the last part of its path. */
const only = (format: string, spec: string, fields: object): MixtureSpec =>
  parseMixture({ sources: [{ format, name: basename(spec), ...fields }] }, resolve('.'))

function emojiSplit(name: string): EmojiSplit {
  const split = EMOJI_SPLITS.find((known) => known === name)
  if (split === undefined)
    throw new ConfigError(`the drawings have no split '${name}'; expected one of ${EMOJI_SPLITS.join(', ')}`)
  return split
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
