import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/**
 * Starts Debian's Chromium, or the browser that CHROMIUM_PATH names, without a window and without a word to its maker.
 *
 * @throws Error where there is none: a test that passes over what it is for would not be missed.
 */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  })
}

function findChromium(): string {
  const named = process.env['CHROMIUM_PATH']
  const places = named === undefined ? PLACES : [named]
  const found = places.find((path) => existsSync(path))
  if (found === undefined)
    throw new Error(
      `these tests need Chromium, which is not at ${places.join(', ')}. Install it (apt-get install chromium), name it in CHROMIUM_PATH, or leave them out: npx vitest run --exclude 'test/{browser,web}/**'`,
    )
  return found
}
