import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Blip2Model } from '../../src/serve/inference/blip2Model.js'
import { TrainingRuns } from '../../src/serve/trainingRuns/trainingRuns.js'
import { startChromium } from '../browser/chromium.js'
import { listen, testApp } from '../serve/testServer.js'
import { violations } from './violations.js'

const ROOT = join(import.meta.dirname, '../..')
const PICTURE = join(ROOT, 'assets/demo/noto-v1-guitar.png')
const OTHERS = ['fxemoji-penguin', 'streamline-sunflower'].map((name) => join(ROOT, `assets/demo/${name}.png`))

describe('the page of blip2 serve', () => {
  let folder: string
  let model: Blip2Model
  let server: Awaited<ReturnType<typeof listen>>
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blip2-page-'))
    const configFile = join(ROOT, 'vite.web.config.ts')
    await build({ configFile, logLevel: 'error', build: { outDir: join(folder, 'web'), emptyOutDir: true } })
    await mkdir(join(folder, 'runs/stage1'), { recursive: true })
    await writeFile(join(folder, 'runs/stage1/metrics.jsonl'), metrics(1, 50))
    model = await Blip2Model.open(join(ROOT, 'models/emoji'))
    const { app } = await testApp(model, {
      pageFolder: join(folder, 'web'),
      services: { runs: await TrainingRuns.open(join(folder, 'runs')) },
    })
    server = await listen(app)
    browser = await startChromium(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'])
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await model?.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 860 } })
    page = await context.newPage()
    problems = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(server.url)
    await page.waitForSelector('.tool')
  })
  // A breach of the content security policy is a message of the console.
  afterEach(async () => {
    await context.close()
    expect(problems).toEqual([])
  })

  it('describes a picture: by beams with the next best, and greedily as it is written', async () => {
    const fits = page.getByRole('checkbox', { name: /fits the picture/ })
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    // A model may say that it is on.
    await fits.uncheck()
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    const [expected] = await captions({ numBeams: 5, numReturnSequences: 3 })
    await expectText('.caption-text', expected!.text)
    const others = await page.locator('.alternative > span:first-child').allTextContents()
    expect(others).toEqual(expected!.alternatives!.map(({ text }) => text))

    await fits.check()
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('text=cosine')
    const [fitting] = await captions({ numBeams: 5, candidates: 5, numReturnSequences: 3 })
    await expectText('.caption-text', fitting!.text)

    await page.getByRole('slider', { name: /^Beams/ }).fill('1')
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    const [greedy] = await captions({ numBeams: 1 })
    await page.waitForSelector('text=log-probability')
    await expectText('.caption-text', greedy!.text)
  })

  it('takes a picture that is dropped or pasted, and a photo; refuses another file', async () => {
    const bytes = [...(await readFile(PICTURE))]
    const give = (event: 'drop' | 'paste', type: string) =>
      page.evaluate(
        ([kind, contents, mime]) => {
          const data = new DataTransfer()
          data.items.add(new File([Uint8Array.from(contents)], 'given.png', { type: mime }))
          const init = { bubbles: true, cancelable: true }
          if (kind === 'drop')
            document.querySelector('.drop-zone')!.dispatchEvent(new DragEvent(kind, { ...init, dataTransfer: data }))
          else document.body.dispatchEvent(new ClipboardEvent(kind, { ...init, clipboardData: data }))
        },
        [event, bytes, type] as const,
      )
    await give('drop', 'image/png')
    await page.waitForSelector('text=given.png · 128 × 128')
    await page.getByRole('button', { name: 'Remove' }).click()
    await give('paste', 'image/png')
    await page.waitForSelector('img[alt="Your picture: given.png"]')
    await page.setInputFiles('[aria-label="Picture file"]', join(ROOT, 'package.json'))
    await page.waitForSelector('text=package.json cannot be opened as a picture.')
    await page.getByRole('button', { name: 'Take a photo' }).click()
    await page.getByRole('button', { name: 'Take the photo' }).click()
    await page.waitForSelector('img[alt="Your picture: photo"]')
    expect(await page.locator('dialog').count()).toBe(0)
  })

  it('answers, and follows up', async () => {
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    await openTool('Ask')
    for (const question of ['What is it?', 'What colour?']) {
      await page.getByRole('textbox', { name: 'Question' }).fill(question)
      await page.keyboard.press('Enter')
      await page.waitForSelector(`.turn.user:has-text("${question}") + .turn.assistant:not(.waiting)`)
      await page.getByRole('button', { name: 'Ask', exact: true }).waitFor()
    }
    expect(await page.locator('.turn').count()).toBe(4)
    await page.getByRole('button', { name: 'New conversation' }).click()
    expect(await page.locator('.turn').count()).toBe(0)
  })

  it('compares with texts, best first, with both scores', async () => {
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    await openTool('Match')
    await page.getByLabel('Texts, one on each line').fill('penguin\nguitar\n\nsunflower')
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.waitForSelector('.scores')
    expect(await page.locator('.scores tbody th').allTextContents()).toHaveLength(3)
    expect(await page.locator('.scores tbody th').first().textContent()).toBe('guitar')
    expect(await page.locator('.scores tbody tr').first().locator('td').allTextContents()).toEqual([
      expect.stringMatching(/%$/),
      expect.stringMatching(/^-?0\.\d{3}$/),
    ])
  })

  it('shows attention over the picture, by query and by word', async () => {
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('.caption-text')
    await openTool('Attention')
    await page.getByRole('button', { name: 'Show the attention' }).click()
    await page.getByRole('img', { name: 'Heat map of the attention of all queries' }).waitFor()
    const mean = await heat()
    await page.getByLabel(/^Mean of the 8 queries/).uncheck()
    await page.getByRole('img', { name: 'Heat map of the attention of query 0' }).waitFor()
    expect(await heat()).not.toBe(mean)
    await page.getByRole('group', { name: 'Words of the caption' }).getByRole('button').first().click()
    await page.waitForSelector('.chip[aria-pressed="true"]')
    await page.getByRole('button', { name: 'Show the attention' }).waitFor()
    await openTool('Caption')
    expect(await page.locator('.heat').count()).toBe(0)
  })

  it('searches among pictures by words', async () => {
    await openTool('Search')
    await page.setInputFiles('[aria-label="Picture files to search"]', [PICTURE, ...OTHERS])
    await page.getByRole('searchbox', { name: 'Words' }).fill('sunflower')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.results')
    expect(await page.locator('.results img').first().getAttribute('alt')).toBe('streamline-sunflower.png')
    expect(await page.locator('.results img').count()).toBe(3)
  })

  it('draws the curves of a training as it goes on', async () => {
    await openTool('Training')
    await page.waitForSelector('text=Step 50')
    expect(await page.locator('.curve figcaption span').allTextContents()).toEqual(['loss', 'itc', 'lr'])
    await appendFile(join(folder, 'runs/stage1/metrics.jsonl'), metrics(51, 60))
    await page.waitForSelector('text=Step 60')
  })

  it('is used by keyboard alone', async () => {
    await page.locator('#tab-caption').focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('[role=tab][aria-selected=true]').textContent()).toBe('Match')
    expect(new URL(page.url()).hash).toBe('#match')
    await page.keyboard.press('End')
    expect(await page.evaluate(() => document.activeElement!.textContent)).toBe('Training')
    await page.goBack()
    await page.locator('#tab-match[aria-selected=true]').waitFor()
  })

  it('has nothing that axe finds, in both themes and on a phone', async () => {
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('.caption-text')
    for (const look of ['light', 'dark', 'phone']) {
      if (look === 'phone') await page.setViewportSize({ width: 390, height: 844 })
      else if (look === 'dark') await page.getByRole('button', { name: 'Use the dark theme' }).click()
      for (const tool of ['Caption', 'Ask', 'Match', 'Attention', 'Search', 'Training']) {
        await openTool(tool)
        expect(await violations(page), `${tool}, ${look}`).toEqual([])
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      expect(overflow).toBeLessThanOrEqual(0)
    }
  })

  it('says what the server refused', async () => {
    await page.setInputFiles('[aria-label="Picture file"]', PICTURE)
    await page.route('**/v1/caption', (route) =>
      route.fulfill({ status: 429, json: { error: { message: 'the server is busy; try again later' } } }),
    )
    await page.getByRole('button', { name: 'Describe the picture' }).click()
    await page.waitForSelector('[role=alert]:has-text("the server is busy")')
    // The browser reports every such status itself.
    expect(problems.splice(0)).toEqual([expect.stringContaining('429')])
  })

  const openTool = (name: string) => page.getByRole('tab', { name }).click()

  const heat = () => page.evaluate(() => document.querySelector<HTMLCanvasElement>('canvas.heat')!.toDataURL())

  async function captions(options: object) {
    const { data, info } = await (await import('sharp')).default(PICTURE).raw().toBuffer({ resolveWithObject: true })
    const image = { data, width: info.width, height: info.height, channels: info.channels as 3 | 4 }
    return model.run('caption', [{ image }], options, new AbortController().signal)
  }

  async function expectText(selector: string, text: string) {
    await page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent === what, [
      selector,
      text,
    ] as const)
  }
})

const metrics = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => {
    const step = from + i
    return `${JSON.stringify({ step, loss: 8 / step, itc: 4 / step, lr: 1e-4 })}\n`
  }).join('')
