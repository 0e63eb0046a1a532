import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as BrowserPackage from '../../src/browser/index.js'
import { Blip2, rankImages } from '../../src/index.js'
import { quantizeModel } from '../../src/quantize/quantizeModel.js'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { openPackagePage } from './packagePage.js'
import { type StaticServer, serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')
const MODEL = join(ROOT, 'models/emoji')
const PICTURES = ['fxemoji-penguin.png', 'noto-v1-guitar.png', 'streamline-sunflower.png'].map((name) =>
  join(ROOT, 'assets/demo', name),
)
const QUANTISED = { vision: 'q8', languageModel: 'q4' } as const
const TEXTS = ['penguin', 'guitar', 'sunflower']

describe('blip2/browser in Chromium', () => {
  let bundle: string
  let quantised: string
  let server: StaticServer
  let browser: Browser
  let page: Page
  let node: Blip2

  beforeAll(async () => {
    bundle = await bundleForBrowsers()
    quantised = await mkdtemp(join(tmpdir(), 'blip2-quantised-'))
    await quantizeModel(MODEL, join(quantised, 'emoji'), { dtype: QUANTISED, compare: false })
    server = await serveFolders({
      blip2: bundle,
      ort: join(ROOT, 'node_modules/onnxruntime-web/dist'),
      models: join(ROOT, 'models'),
      pictures: join(ROOT, 'assets/demo'),
      jpeg: join(ROOT, 'test/fixtures/data/folder'),
      others: join(ROOT, 'test/fixtures/hugging-face'),
      quantised,
    })
    browser = await startChromium()
    node = await Blip2.fromPretrained(MODEL)
    page = await open(browser, server)
  })
  afterAll(async () => {
    await browser?.close()
    await node?.dispose()
    await server?.close()
    for (const folder of [bundle, quantised]) await rm(folder, { recursive: true, force: true })
  })

  it('runs on one thread without cross-origin isolation, and says so', async () => {
    const backend = await page.evaluate(() => window.model.backend)
    expect(backend).toEqual({ device: 'cpu', threads: 1, crossOriginIsolated: false })
  })

  it('writes the captions that Node writes, by beams, greedily and piece by piece', async () => {
    const addresses = PICTURES.map((path) => path.replace(join(ROOT, 'assets/demo'), 'pictures'))
    const found = await page.evaluate(async (pictures) => {
      const { model } = window
      const pieces: string[] = []
      for await (const piece of model.caption.stream(pictures[0]!)) pieces.push(piece)
      return {
        beams: await model.caption(pictures, { numBeams: 5 }),
        greedy: await model.caption(pictures, { numBeams: 1 }),
        pieces,
      }
    }, addresses)
    const [beams, greedy] = [
      await node.caption(PICTURES, { numBeams: 5 }),
      await node.caption(PICTURES, { numBeams: 1 }),
    ]
    expect(found.beams.map(({ text }) => text)).toEqual(beams.map(({ text }) => text))
    expect(found.greedy.map(({ text }) => text)).toEqual(greedy.map(({ text }) => text))
    expectClose([found.beams.map(({ score }) => score)], [beams.map(({ score }) => score)])
    expect(found.pieces.join('')).toBe(greedy[0]!.text)
    expect(found.pieces.length).toBeGreaterThan(1)
  })

  it('answers what Node answers', async () => {
    const bytes = [...(await readFile(PICTURES[0]!))]
    const answer = await page.evaluate(
      async (png) => window.model.ask(new Blob([Uint8Array.from(png)]), 'what is it?'),
      bytes,
    )
    expect(answer.text).toBe((await node.ask(PICTURES[0]!, 'what is it?')).text)
  })

  it('embeds and matches as Node does, to 1e-3', async () => {
    const bytes = await Promise.all(PICTURES.map(async (path) => [...(await readFile(path))]))
    const found = await page.evaluate(
      async ([files, texts]) => {
        const { model } = window
        const blobs = files.map((png) => new Blob([Uint8Array.from(png)]))
        const encoded = await model.encode(blobs)
        return {
          images: (await model.embedImage(encoded)).map((vectors) => [...vectors]),
          texts: (await model.embedText(texts)).map((vector) => [...vector]),
          matches: await model.match(encoded, texts),
          logits: await model.matchLogits([[encoded[0]!, texts[0]!]]),
          ranked: await window.blip2.rankImages(model, texts[1]!, encoded),
          attention: [...(await model.attention(encoded[0]!)).layers[0]!.probabilities],
        }
      },
      [bytes, TEXTS] as const,
    )
    const encoded = await node.encode(PICTURES)
    expectClose(found.images, await node.embedImage(encoded))
    expectClose(found.texts, await node.embedText(TEXTS))
    expectClose(found.logits, await node.matchLogits([[encoded[0]!, TEXTS[0]!]]))
    expectClose([found.attention], [(await node.attention(encoded[0]!)).layers[0]!.probabilities])
    const matches = (await node.match(encoded, TEXTS)).flat()
    expectClose(
      found.matches.flat().map(({ itm, itc }) => [itm, itc]),
      matches.map(({ itm, itc }) => [itm, itc]),
    )
    const ranked = await rankImages(node, TEXTS[1]!, encoded)
    expect(found.ranked.map(({ index }) => index)).toEqual(ranked.map(({ index }) => index))
  })

  it('turns and lays JPEG and raw pixels as Node does', async () => {
    const raw = { data: Uint8Array.from({ length: 30 * 20 * 4 }, (_, i) => (i * 37) % 256), width: 30, height: 20 }
    const found = await page.evaluate(
      async ([pixels, width, height]) => {
        const { model } = window
        const rgba = { data: Uint8Array.from(pixels), width, height, channels: 4 } as const
        return [[...(await model.embedImage(rgba))], [...(await model.embedImage('jpeg/red.jpg'))]]
      },
      [[...raw.data], raw.width, raw.height] as const,
    )
    expectClose(found, [
      await node.embedImage({ ...raw, channels: 4 }),
      await node.embedImage(join(ROOT, 'test/fixtures/data/folder/red.jpg')),
    ])
  })

  it('throws the errors of Node, of their classes', async () => {
    const found = await page.evaluate(async () => {
      const { model, blip2 } = window
      const failed = async (work: Promise<unknown>) => {
        const error = await work.catch((reason: unknown) => reason)
        const known = error instanceof blip2.Blip2Error
        return { known, name: (error as Error).name, message: (error as Error).message }
      }
      return {
        noPicture: await failed(model.caption(new Blob(['no picture']))),
        absent: await failed(model.caption('pictures/absent.png')),
        aborted: await failed(model.caption('pictures/fxemoji-penguin.png', { signal: AbortSignal.abort() })),
        filter: await failed(model.caption('pictures/fxemoji-penguin.png', { prompt: (() => '') as never })),
        noModel: await failed(blip2.Blip2.fromPretrained('models/absent')),
        noRuntime: await failed(blip2.Blip2.fromPretrained('models/emoji', { wasmPaths: 'nowhere/' })),
        noWorker: await failed(blip2.Blip2.fromPretrained('models/emoji', { workerUrl: 'nowhere/worker.js' })),
      }
    })
    expect(found.noPicture).toMatchObject({ known: true, name: 'ImageError' })
    expect(found.absent.message).toMatch(/absent\.png answered 404/)
    expect(found.aborted.name).toBe('AbortError')
    expect(found.filter.name).toBe('ConfigError')
    expect(found.noModel).toMatchObject({ known: true, name: 'ModelNotFoundError' })
    expect(found.noRuntime.message).toMatch(/nowhere.*wasmPaths/s)
    expect(found.noWorker.message).toMatch(/worker/)
  })

  it('reports progress, keeps the files, and opens again without the network', async () => {
    const context = await browser.newContext()
    const second = await open(context, server, { keep: true })
    const progress = await second.evaluate(
      () => (window as unknown as { progress: BrowserPackage.LoadProgress[] }).progress,
    )
    expect(progress.at(-1)!.loaded).toBe(progress.at(-1)!.total)
    expect(progress.length).toBeGreaterThan(6)
    const before = server.requests.filter((path) => path.startsWith('/models')).length
    server.unreachable.add('models')
    const text = await second.evaluate(async () => {
      const { Blip2, clearModelCache } = window.blip2
      const again = await Blip2.fromPretrained('models/emoji', { wasmPaths: 'ort/', device: 'cpu' })
      const { text } = await again.caption('pictures/fxemoji-penguin.png')
      await again.dispose()
      await clearModelCache()
      return text
    })
    expect(text).toBe((await node.caption(PICTURES[0]!)).text)
    expect(server.requests.filter((path) => path.startsWith('/models'))).toHaveLength(before)
    server.unreachable.clear()
    await context.close()
  })

  it('opens a quantised model, and a directory of Hugging Face', async () => {
    for (const [address, directory] of [
      ['quantised/emoji', join(quantised, 'emoji')],
      ['others/opt', join(ROOT, 'test/fixtures/hugging-face/opt')],
    ] as const) {
      const found = await page.evaluate(async (model) => {
        const opened = await window.blip2.Blip2.fromPretrained(model, {
          wasmPaths: 'ort/',
          device: 'cpu',
          cache: false,
        })
        const encoded = await opened.encode('pictures/noto-v1-guitar.png')
        const { text } = await opened.caption(encoded, { maxNewTokens: 8 })
        await opened.dispose()
        return { features: [...encoded.features], text }
      }, address)
      await using own = await Blip2.fromPretrained(directory)
      const encoded = await own.encode(join(ROOT, 'assets/demo/noto-v1-guitar.png'))
      expect(found.text).toBe((await own.caption(encoded, { maxNewTokens: 8 })).text)
      // Other kernels round inputs to 8 bits otherwise: 0.025 of the largest feature was seen.
      const scale = Math.max(...encoded.features.map(Math.abs))
      const errors = found.features.map((value, i) => Math.abs(value - encoded.features[i]!) / scale)
      expect(Math.max(...errors)).toBeLessThan(address.startsWith('quantised') ? 5e-2 : 1e-3)
    }
  })

  it('ends a stream that is left, and refuses work after disposal', async () => {
    const found = await page.evaluate(async () => {
      const { model } = window
      for await (const _ of model.caption.stream('pictures/fxemoji-penguin.png')) break
      const { text } = await model.caption('pictures/fxemoji-penguin.png')
      await model.dispose()
      await model.dispose()
      const error = await model.embedText('a').catch((reason: unknown) => reason)
      return { text, name: (error as Error).name }
    })
    expect(found.text).toBe((await node.caption(PICTURES[0]!)).text)
    expect(found.name).toBe('DisposedError')
  })
})

/** A page with the package as `blip2` and the emoji model as `model`. */
async function open(
  browser: Pick<Browser, 'newPage'>,
  server: StaticServer,
  { keep = false }: { readonly keep?: boolean } = {},
): Promise<Page> {
  const page = await openPackagePage(browser, server)
  await page.evaluate(async (cache) => {
    const progress: BrowserPackage.LoadProgress[] = []
    Object.assign(window, { progress })
    window.model = await window.blip2.Blip2.fromPretrained('models/emoji/', {
      wasmPaths: 'ort/',
      cache,
      onProgress: (step) => progress.push(step),
    })
  }, keep)
  return page
}

function expectClose(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[] | Float32Array)[],
): void {
  const errors = found.flatMap((row, i) => row.map((value, j) => Math.abs(value - expected[i]![j]!)))
  expect(found.map((row) => row.length)).toEqual(expected.map((row) => row.length))
  expect(Math.max(...errors)).toBeLessThan(1e-3)
}
