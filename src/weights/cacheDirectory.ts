import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Where renders and converted weights are kept when no folder is given: $BLIP2_CACHE, else `.cache` of a clone of this project when the
 * command runs inside it, else `blip2` in the user's cache folder ($XDG_CACHE_HOME or ~/.cache).
 */
export function defaultCacheDirectory(): string {
  const fromEnvironment = process.env['BLIP2_CACHE']
  if (fromEnvironment) return fromEnvironment
  const clone = process.cwd()
  if (existsSync(join(clone, 'src', 'data', 'emoji')) && existsSync(join(clone, 'package.json'))) {
    return join(clone, '.cache')
  }
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'blip2')
}
