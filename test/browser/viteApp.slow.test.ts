import { cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { build, createLogger, createServer, preview } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'

const ROOT = join(import.meta.dirname, '../..')
const PICTURES = ['fxemoji-penguin', 'noto-v1-guitar', 'streamline-sunflower'].map((name) =>
  join(ROOT, `assets/demo/${name}.png`),
)

describe('examples/vite', () => {
  let app: string
  let browser: Browser
  let captions: string[]

  beforeAll(async () => {
    app = await mkdtemp(join(tmpdir(), 'blip2-vite-'))
    await cp(join(ROOT, 'examples/vite'), app, { recursive: true })
    await install(join(app, 'node_modules'))
    await using model = await Blip2.fromPretrained(join(ROOT, 'models/emoji'))
    captions = (await model.caption(PICTURES)).map(({ text }) => text)
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await rm(app, { recursive: true, force: true })
  })

  it('captions and searches when it is built, on threads', async () => {
    const warnings: string[] = []
    const customLogger = { ...createLogger('silent'), warn: (message: string) => warnings.push(message) }
    await build({ root: app, logLevel: 'warn', customLogger })
    expect(warnings).toEqual([])
    const server = await preview({ root: app, logLevel: 'error', preview: { host: '127.0.0.1', port: 0 } })
    await use(server.resolvedUrls!.local[0]!).finally(() => server.close())
  })

  it('does so on the development server', async () => {
    const server = await createServer({ root: app, logLevel: 'error', server: { host: '127.0.0.1', port: 0 } })
    await server.listen()
    await use(server.resolvedUrls!.local[0]!).finally(() => server.close())
  })

  async function use(url: string): Promise<void> {
    const page = await browser.newPage()
    page.setDefaultTimeout(20_000)
    const problems: string[] = []
    page.on('pageerror', ({ message }) => problems.push(message))
    await page.goto(`${url}?threads=2`)
    await page.waitForSelector('#files:enabled')
    expect(await page.textContent('#status')).toBe('Ready, threads: 2')
    await page.setInputFiles('#files', PICTURES)
    await page.waitForSelector('#pictures li')
    expect(await page.locator('#pictures li').allTextContents()).toEqual(captions)
    expect(await page.textContent('#status')).toMatch(/^Pictures: 3, milliseconds: \d+, threads: 2$/)
    await page.fill('#words', 'sunflower')
    await page.click('#search button')
    await page.waitForSelector('#pictures li:first-child img[alt="streamline-sunflower.png"]')
    expect(problems).toEqual([])
    await page.close()
  }
})

/** Puts the packages of the application where npm would. Vite serves no file from outside of the application. */
async function install(modules: string): Promise<void> {
  const folder = join(modules, 'blip2')
  await mkdir(join(folder, 'dist'), { recursive: true })
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'))
  await cp(join(ROOT, 'models/emoji'), join(folder, 'models/emoji'), { recursive: true })
  await rename(await bundleForBrowsers(), join(folder, 'dist/browser'))
  for (const file of ['package.json', 'dist/ort-wasm-simd-threaded.mjs', 'dist/ort-wasm-simd-threaded.wasm'])
    await cp(join(ROOT, 'node_modules/onnxruntime-web', file), join(modules, 'onnxruntime-web', file))
  await symlink(join(ROOT, 'node_modules/vite'), join(modules, 'vite'))
}
