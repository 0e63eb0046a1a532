import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startChromium } from '../browser/chromium.js'
import { compilePackage } from './compilePackage.js'
import { violations } from './violations.js'

const ROOT = join(import.meta.dirname, '../..')
const MODEL = join(ROOT, 'models/emoji')
const PICTURE = 'noto-v1-guitar.png'
const TOKEN = 'token-of-this-test'

// The command as it is installed, in a process of its own, with an index that it made.
describe('the page that blip2 serve gives', () => {
  let folder: string
  let blip2: string
  let server: ChildProcess
  let url: string
  let browser: Browser
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blip2-served-'))
    await mkdir(join(folder, 'package'))
    blip2 = await compilePackage(join(folder, 'package'))
    await cp(join(ROOT, 'assets/demo'), join(folder, 'photos'), { recursive: true })
    const index = join(folder, 'album.lance')
    await promisify(execFile)('node', [blip2, 'index', join(folder, 'photos'), '--model', MODEL, '--out', index])
    server = spawn('node', [blip2, 'serve', '--model', MODEL, '--port', '0', '--index', index], {
      env: { ...process.env, BLIP2_TOKEN: TOKEN },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    url = await new Promise((resolve) => createInterface({ input: server.stdout! }).once('line', resolve))
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    server?.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    page = await browser.newPage()
    page.setDefaultTimeout(20_000)
    problems = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(url)
  })
  afterEach(() => page.close())

  it('asks for the token, once in a tab, and says when it is another', async () => {
    const input = page.getByLabel('Token')
    await input.waitFor()
    expect(await page.getByRole('tab').count()).toBe(0)
    expect(await violations(page)).toEqual([])
    // The field has the focus.
    await page.keyboard.type('another')
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=alert]:has-text("does not know this token")')
    await enterToken()
    await page.reload()
    await page.waitForSelector('.tool')
    expect(await input.count()).toBe(0)
    // The browser reports each refusal itself.
    for (const problem of problems) expect(problem).toContain('401')
  })

  it('describes a picture', async () => {
    await enterToken()
    await page.setInputFiles('[aria-label="Picture file"]', join(folder, 'photos', PICTURE))
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('.caption-text')
    // As the page begins: five beams, ordered by how well they fit.
    const settings = ['--num-beams', '5', '--candidates', '5', '--json']
    const args = [blip2, 'caption', join(folder, 'photos', PICTURE), '--model', MODEL, ...settings]
    const { stdout } = await promisify(execFile)('node', args)
    expect(JSON.parse(stdout)[0].text).toBe(await page.textContent('.caption-text'))
  })

  it('searches the index by words, and for pictures like one', async () => {
    await enterToken()
    await page.setInputFiles('[aria-label="Picture file"]', join(folder, 'photos', PICTURE))
    await page.getByRole('tab', { name: 'Search' }).click()
    await page.waitForSelector('text=12 pictures are indexed')
    await page.getByRole('searchbox', { name: 'Words' }).fill('fire engine')
    await page.keyboard.press('Enter')
    await expectFirst('streamline-fire-engine.png')
    expect(await page.locator('.results li').count()).toBe(12)
    expect(await violations(page)).toEqual([])
    await page.getByRole('button', { name: `Pictures like ${PICTURE}` }).click()
    await expectFirst(PICTURE)
  })

  it('says when the server has gone', async () => {
    await enterToken()
    await page.setInputFiles('[aria-label="Picture file"]', join(folder, 'photos', PICTURE))
    const exited = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    expect(await exited).toBe(0)
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('[role=alert]:has-text("cannot be reached")')
  })

  async function enterToken(): Promise<void> {
    await page.getByLabel('Token').fill(TOKEN)
    await page.getByRole('button', { name: 'Open' }).click()
    await page.waitForSelector('.tool')
  }

  /** The first result is this picture, and is shown. */
  async function expectFirst(name: string): Promise<void> {
    const first = page.locator(`.results li:first-child img[alt$="${name}"]`)
    await first.waitFor()
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>('.results img')!.naturalWidth > 0)
  }
})
