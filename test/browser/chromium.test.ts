import { afterEach, expect, it, vi } from 'vitest'
import { startChromium } from './chromium.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

it('a missing Chromium is a failure that says how to get it', async () => {
  vi.stubEnv('CHROMIUM_PATH', '/nowhere/chromium')
  await expect(startChromium()).rejects.toThrow(/not at \/nowhere\/chromium.*apt-get install chromium/)
})
