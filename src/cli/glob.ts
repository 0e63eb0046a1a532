import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.js'

const MAGIC = /[*?[\]{}]/

export const isGlob = (pattern: string): boolean => MAGIC.test(pattern)

/**
 * The files that a pattern fits, sorted: `*` and `?` stay in one folder, `**` goes through folders, `[abc]` is one of
 * these characters, `{a,b}` one of these words. Hidden files and folders are left out. Shells do the same for patterns
 * that are not quoted, up to the length of their command line.
 *
 * @throws ConfigError for a pattern that means nothing, such as `[z-a]`
 */
export async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.replaceAll('\\', '/').split('/')
  const firstMagic = parts.findIndex((part) => isGlob(part))
  const folder = parts.slice(0, firstMagic).join('/') || (pattern.startsWith('/') ? '/' : '.')
  const rest = parts.slice(firstMagic)
  const deep = rest.length > 1 || rest[0]!.includes('**')
  const entries = await readdir(folder, { recursive: deep, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw error
    },
  )
  const fits = expressionOf(pattern, rest)
  const start = join(folder, '.')
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const relative = (
        start === '.' ? path : path.slice(start.endsWith('/') ? start.length : start.length + 1)
      ).replaceAll('\\', '/')
      return fits.test(relative) && !relative.split('/').some((name) => name.startsWith('.'))
    })
    .sort()
}

function expressionOf(pattern: string, parts: readonly string[]): RegExp {
  try {
    return new RegExp(`^${parts.map(partPattern).join('')}$`, 'u')
  } catch (cause) {
    throw new ConfigError(`${pattern} is no pattern that files can fit; quote nothing but *, ?, [a-z] and {a,b} so`, {
      cause,
    })
  }
}

/** The expression of one part of a path, with the slash behind it where more parts follow. */
function partPattern(part: string, i: number, all: readonly string[]): string {
  const isLast = i === all.length - 1
  if (part === '**') return isLast ? '.*' : '(?:[^/]+/)*'
  return `${namePattern(part)}${isLast ? '' : '/'}`
}

function namePattern(name: string): string {
  return name.replace(/\[[^\]]+\]|\{[^}]+\}|[*?]|[\\^$+.()|[\]{}]/g, (match) => {
    if (match === '*') return '[^/]*'
    if (match === '?') return '[^/]'
    if (match.length > 1 && match.startsWith('[')) return match.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    if (match.length > 1 && match.startsWith('{'))
      return `(?:${match.slice(1, -1).split(',').map(namePattern).join('|')})`
    return `\\${match}`
  })
}
