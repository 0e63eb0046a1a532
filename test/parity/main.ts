import { Blip2Error } from '../../src/errors.js'
import { compare, type Line } from './compare.js'
import { readFixture } from './fixture.js'
import { runFixture } from './run.js'

/** `npm run parity -- DIR...`: a line for each tensor, exit code 1 when one is beyond its tolerance, 2 for wrong use. */
async function main(directories: readonly string[]): Promise<number> {
  if (directories.length === 0) {
    console.error('usage: npm run parity -- FIXTURE_DIRECTORY...')
    return 2
  }
  let failed = 0
  for (const directory of directories) {
    try {
      const fixture = await readFixture(directory)
      const lines = compare(fixture, await runFixture(fixture))
      console.log(`${fixture.name}: ${lines.filter((line) => line.ok).length} of ${lines.length} tensors agree`)
      for (const line of lines) console.log(format(line))
      if (lines.length === 0 || lines.some((line) => !line.ok)) failed++
    } catch (error) {
      const known = error instanceof Blip2Error || (error as NodeJS.ErrnoException).code !== undefined
      console.error(`${directory}: ${known ? (error as Error).message : (error as Error).stack}`)
      failed++
    }
  }
  console.log(
    failed === 0 ? 'parity: all fixtures agree' : `parity: ${failed} of ${directories.length} fixtures differ`,
  )
  return failed === 0 ? 0 : 1
}

const format = ({ ok, name, kind, maxAbsolute, maxRelative, note }: Line): string =>
  `  ${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(70)} ${kind.padEnd(10)} ${note ?? `abs ${maxAbsolute.toExponential(2)}  rel ${maxRelative.toExponential(2)}`}`

process.exitCode = await main(process.argv.slice(2))
