import { readFile } from 'node:fs/promises'
import { ConfigError } from '../errors.js'

/** A JSON file's content, or undefined where there is no such file. @throws ConfigError for one that is not JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new ConfigError(`${path}: cannot be read (${error.code ?? error.message})`, { cause: error })
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`${path} is not JSON`, { cause })
  }
}
