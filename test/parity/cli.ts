import { Blip2Error } from '../../src/errors.js'
import { compare, type Line } from './compare.js'
import { readFixture } from './fixture.js'
import { runFixture } from './run.js'

/**
 * `npm run parity -- DIR...`: prints a line for each tensor. Gives the exit code: 1 when a tensor is beyond its
 * tolerance or a directory cannot be run, 2 for wrong use.
 */
export async function parity(
  directories: readonly string[],
  { log, error }: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  if (directories.length === 0) {
    error('usage: npm run parity -- FIXTURE_DIRECTORY...')
    return 2
  }
  let failed = 0
  for (const directory of directories) {
    try {
      const fixture = await readFixture(directory)
      const lines = compare(fixture, await runFixture(fixture))
      log(`${fixture.name}: ${lines.filter((line) => line.ok).length} of ${lines.length} tensors agree`)
      for (const line of lines) log(format(line))
      if (lines.length === 0 || lines.some((line) => !line.ok)) failed++
    } catch (cause) {
      const known = cause instanceof Blip2Error || (cause as NodeJS.ErrnoException).code !== undefined
      error(`${directory}: ${known ? (cause as Error).message : (cause as Error).stack}`)
      failed++
    }
  }
  log(failed === 0 ? 'parity: all fixtures agree' : `parity: ${failed} of ${directories.length} fixtures differ`)
  return failed === 0 ? 0 : 1
}

const format = ({ ok, name, kind, maxAbsolute, maxRelative, note }: Line): string =>
  `  ${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(70)} ${kind.padEnd(10)} ${note ?? `abs ${maxAbsolute.toExponential(2)}  rel ${maxRelative.toExponential(2)}`}`
