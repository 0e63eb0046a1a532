import { isAbsolute, join } from 'node:path'
import { DataError } from '../../errors.js'

/**
 * A picture's path in the folder of the pictures. A data file comes from anywhere: what it names must not reach the rest
 * of the machine, so absolute paths and `..` are refused with a DataError.
 */
export function picturePath(folder: string, name: string, place: string): string {
  const parts = name.split(/[/\\]/)
  if (name === '' || isAbsolute(name) || name.includes('\\') || name.includes('\0') || parts.includes('..'))
    throw new DataError(`${place}: the picture is ${JSON.stringify(name)}; expected a path inside the picture folder`)
  return join(folder, name)
}
