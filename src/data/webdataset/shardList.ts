import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, DataError } from '../../errors.js'
import { isAddress } from '../bytes/byteSource.js'
import { isTarName } from './packing.js'

/**
 * The shards that a specification names: paths and addresses with braces, as WebDataset writes them, or a local folder
 * with tar files, packed or not, taken in the order of their names.
 */
export async function listShards(spec: string): Promise<string[]> {
  if (isAddress(spec) || /[{}]/.test(spec) || isTarName(spec)) return expandBraces(spec)
  const names = await readdir(spec).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(`cannot list ${spec} (${cause.code}); expected a folder of shards, or paths that end in .tar`, {
      cause,
    })
  })
  const shards = names.filter(isTarName).sort()
  if (shards.length === 0)
    throw new DataError(
      `${spec} holds no .tar file, nor one that is packed (.tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst)`,
    )
  return shards.map((name) => join(spec, name))
}

/** More shards than this in one list is a mistake in a range. */
const MAX_SHARDS = 1_000_000

/**
 * Expands braces: ranges `{000..127}` (zero-padded as the longer bound is) and lists `{train,extra/b}`, several and
 * nested. A group that is neither stays as it is.
 *
 * @throws ConfigError for braces that do not close, or a list that is absurdly long.
 */
export function expandBraces(spec: string): string[] {
  return expand(spec, spec)
}

function expand(text: string, spec: string): string[] {
  const open = text.indexOf('{')
  const stray = text.indexOf('}')
  if (stray !== -1 && (open === -1 || stray < open)) throw unbalanced(spec)
  if (open === -1) return [text]
  const { parts, end } = splitGroup(text, open, spec)
  const before = text.slice(0, open)
  const after = expand(text.slice(end + 1), spec)
  const [only] = parts.length === 1 ? parts : []
  const middle =
    only === undefined
      ? parts.flatMap((part) => expand(part, spec))
      : (range(only) ?? expand(only, spec).map((part) => `{${part}}`))
  if (middle.length * after.length > MAX_SHARDS)
    throw new ConfigError(`${spec} names more than ${MAX_SHARDS} shards; check its ranges`)
  return middle.flatMap((part) => after.map((rest) => before + part + rest))
}

/** The parts between the commas of the group that opens at `open`; groups within stay as they are. */
function splitGroup(text: string, open: number, spec: string): { parts: string[]; end: number } {
  const parts: string[] = []
  let depth = 0
  let from = open + 1
  for (let i = open; i < text.length; i++) {
    const char = text[i]
    if (char === '{') depth++
    const closes = char === '}' && --depth === 0
    if (closes || (char === ',' && depth === 1)) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
    if (closes) return { parts, end: i }
  }
  throw unbalanced(spec)
}

function range(part: string): string[] | undefined {
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(part) ?? []
  if (first === undefined || last === undefined) return undefined
  const count = Math.abs(Number(last) - Number(first)) + 1
  if (count > MAX_SHARDS) throw new ConfigError(`{${part}} names ${count} shards; at most ${MAX_SHARDS}`)
  const step = Number(last) < Number(first) ? -1 : 1
  const padded = /^0\d/.test(first) || /^0\d/.test(last)
  const width = padded ? Math.max(first.length, last.length) : 0
  return Array.from({ length: count }, (_, i) => String(Number(first) + i * step).padStart(width, '0'))
}

const unbalanced = (spec: string): ConfigError =>
  new ConfigError(`the braces of ${spec} do not match; expected for instance data/{00000..00127}.tar`)
