import { execFile } from 'node:child_process'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '../..')

/** Compiles the package with its page, as it is now, into an empty folder. -> the script of the command `blip2` */
export async function compilePackage(folder: string): Promise<string> {
  for (const name of ['package.json', 'node_modules', 'assets', 'models'])
    await symlink(join(ROOT, name), join(folder, name))
  const dist = join(folder, 'dist')
  const args = ['-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', '--declaration', 'false', '--outDir', dist]
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), args)
  const outDir = join(dist, 'web')
  await build({ configFile: join(ROOT, 'vite.web.config.ts'), logLevel: 'error', build: { outDir } })
  return join(dist, 'cli/main.js')
}
