import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')

describe('examples/browser', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blip2-example-'))
    await promisify(execFile)('node', [join(ROOT, 'examples/browser/assemble.mjs'), join(folder, 'site')])
    // The package as it is now, whatever was built last.
    const bundle = await bundleForBrowsers()
    await cp(bundle, join(folder, 'site/blip2'), { recursive: true })
    await rm(bundle, { recursive: true })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('captions, matches and searches, and does so again when the server is gone', async () => {
    const server = await serveFolders({ site: join(folder, 'site') })
    const browser = await startChromium()
    try {
      const page = await browser.newPage()
      await page.goto(`${server.url}/site/`)
      await page.waitForSelector('body[data-ready]')
      await page.evaluate(() => navigator.serviceWorker.ready)
      const status = await page.textContent('#status')
      expect(status).toMatch(/one thread: this page is not cross-origin isolated/)
      const caption = await page.textContent('#caption')
      expect(caption).toMatch(/\w/)
      await server.close()

      await page.reload()
      await page.waitForSelector('body[data-ready]')
      expect(await page.textContent('#caption')).toBe(caption)
      await page.click('[alt="noto v1 guitar"]')
      await page.fill('#texts', 'sunflower, guitar')
      await page.click('text=Match')
      await page.waitForSelector('#scores:not([hidden])')
      expect(await page.textContent('#scores tbody td')).toBe('guitar')
      await page.fill('#words', 'sunflower')
      await page.click('#search button')
      await page.waitForSelector('#found img')
      expect(await page.getAttribute('#found img', 'alt')).toBe('streamline-sunflower.png')
    } finally {
      await browser.close()
      await server.close()
    }
  })
})
