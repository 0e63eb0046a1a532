import { execFile } from 'node:child_process'
import { copyFile, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { oncePerRun } from './oncePerRun.js'

const ROOT = join(import.meta.dirname, '../..')

/**
 * The package as Node has it installed, compiled from the sources as they are now: package.json, dist and examples. For
 * what runs in threads or processes of its own, where nothing transforms TypeScript.
 */
export const compiledPackage = (): Promise<string> =>
  oncePerRun('package', async (folder) => {
    await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'))
    await cp(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true })
    await compile('tsconfig.build.json', join(folder, 'dist'))
  })

/** A module of the compiled package, named as below dist, for instance 'graph/index.js'. Its classes are its own. */
export async function importCompiled<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(await compiledPackage(), 'dist', name)).href)) as Module
}

/** Runs tsc without its checks, which `npm run types` does. */
export async function compile(config: string, outDir: string): Promise<void> {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  await promisify(execFile)(tsc, ['-p', config, '--noCheck', '--outDir', outDir], { cwd: ROOT })
}
