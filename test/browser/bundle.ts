import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'

const CONFIG = join(import.meta.dirname, '../../vite.browser.config.ts')

/** Builds `blip2/browser` as it is now into a new folder, to be removed by the caller. */
export async function bundleForBrowsers(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'blip2-browser-'))
  for (const mode of ['index', 'worker'])
    await build({ configFile: CONFIG, mode, logLevel: 'error', build: { outDir, emptyOutDir: false } })
  return outDir
}
