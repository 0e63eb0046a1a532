import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '../errors.js'
import { replaceFile } from '../weights/replaceFile.js'

type Json = Readonly<Record<string, unknown>>

/**
 * Writes the config.json of a training directory, or checks that the one there says the same; gives its hash, which
 * checkpoints carry. A difference throws a ConfigError with the path of each value that differs.
 */
export async function openRunConfig(directory: string, config: Json): Promise<string> {
  const text = `${JSON.stringify(config, null, 2)}\n`
  const path = join(directory, 'config.json')
  await mkdir(directory, { recursive: true })
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (known === undefined) {
    await replaceFile(path, text)
    return hashOf(text)
  }
  const differing = differences(parse(path, known), JSON.parse(text))
  if (differing.length > 0)
    throw new ConfigError(
      `${path} belongs to another run (${differing.join(', ')} differ); train into another directory, or with the same settings and inputs`,
    )
  return hashOf(known)
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`${path} is not valid JSON; put it right, or train into another directory`, { cause })
  }
}

/** Where two JSON values differ, as paths such as 'schedule.peak'; the order of keys does not count. */
function differences(known: unknown, wanted: unknown, path = ''): string[] {
  if (isDeepStrictEqual(known, wanted)) return []
  if (!isObject(known) || !isObject(wanted)) return [path || 'the whole']
  const keys = new Set([...Object.keys(known), ...Object.keys(wanted)])
  return [...keys].flatMap((key) => differences(known[key], wanted[key], path === '' ? key : `${path}.${key}`))
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
