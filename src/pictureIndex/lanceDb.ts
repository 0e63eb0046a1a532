import { createRequire } from 'node:module'
import { ConfigError } from '../errors.js'

export type LanceDb = typeof import('@lancedb/lancedb')
/** In the form that LanceDB itself loads: tables of another copy would have to be converted. */
export type Arrow = typeof import('apache-arrow', { with: { 'resolution-mode': 'require' }})
export type ArrowTable = InstanceType<Arrow['Table']>
export type ArrowSchema = InstanceType<Arrow['Schema']>
export type ArrowBatch = InstanceType<Arrow['RecordBatch']>

/**
 * Loads LanceDB, an optional package, and the Arrow that comes with it.
 * @throws ConfigError with the line that installs it.
 */
export function loadLanceDb(): { readonly lancedb: LanceDb; readonly arrow: Arrow } {
  const require = createRequire(import.meta.url)
  try {
    const lancedb = require('@lancedb/lancedb') as LanceDb
    const arrow = createRequire(require.resolve('@lancedb/lancedb'))('apache-arrow') as Arrow
    return { lancedb, arrow }
  } catch (cause) {
    throw new ConfigError(
      'a picture index needs the package @lancedb/lancedb: run `npm install @lancedb/lancedb@0.31.0`',
      { cause },
    )
  }
}
