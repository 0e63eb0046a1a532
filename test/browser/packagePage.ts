import type { Browser, Page } from 'playwright-core'
import type * as BrowserPackage from '../../src/browser/index.js'
import type { StaticServer } from './staticServer.js'

declare global {
  interface Window {
    blip2: typeof BrowserPackage
    model: BrowserPackage.Blip2
  }
}

/** An empty page of a server that has the package under blip2/, with the package as `window.blip2`. */
export async function openPackagePage(browser: Pick<Browser, 'newPage'>, { url }: StaticServer): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(url)
  await page.addScriptTag({ type: 'module', content: `window.blip2 = await import('/blip2/index.js')` })
  await page.waitForFunction(() => 'blip2' in window)
  return page
}
