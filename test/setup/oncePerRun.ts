import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder of this run of the tests, below the package's own node_modules, so that what is built there can import. */
    readonly runFolder: string
  }
}

/**
 * A folder that several test files need, and only read: the first to ask makes it, the others wait for it.
 *
 * @throws Error to each of them where it cannot be made.
 */
export async function oncePerRun(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(inject('runFolder'), name)
  const failure = `${folder}.failure`
  if (await isFirst(`${folder}.begun`)) {
    const unfinished = `${folder}.unfinished`
    try {
      await mkdir(unfinished)
      await make(unfinished)
      await rename(unfinished, folder)
    } catch (error) {
      await writeFile(failure, error instanceof Error ? error.message : String(error))
      throw error
    }
  }
  while (!existsSync(folder)) {
    if (existsSync(failure)) throw new Error(`${name} could not be made: ${await readFile(failure, 'utf8')}`)
    await delay(50)
  }
  return folder
}

async function isFirst(mark: string): Promise<boolean> {
  try {
    await mkdir(mark)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
