import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import { oncePerRun } from '../setup/oncePerRun.js'

const CONFIG = join(import.meta.dirname, '../../vite.browser.config.ts')

/** `blip2/browser` as it is now in a new folder, to be removed by the caller. It is built once for a run of the tests. */
export async function bundleForBrowsers(): Promise<string> {
  const bundle = await oncePerRun('browser', async (outDir) => {
    for (const mode of ['index', 'worker'])
      await build({ configFile: CONFIG, mode, logLevel: 'error', build: { outDir, emptyOutDir: false } })
  })
  const copy = await mkdtemp(join(tmpdir(), 'blip2-browser-'))
  await cp(bundle, copy, { recursive: true })
  return copy
}
