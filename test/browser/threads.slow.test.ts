import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { openPackagePage } from './packagePage.js'
import { ISOLATED, serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')

it('two threads compute what one does, in less time', async () => {
  const bundle = await bundleForBrowsers()
  const demo = join(ROOT, 'assets/demo')
  const pictures = (await readdir(demo)).filter((name) => name.endsWith('.png')).map((name) => `pictures/${name}`)
  const ort = join(ROOT, 'node_modules/onnxruntime-web/dist')
  await using server = await serveFolders(
    { blip2: bundle, ort, models: join(ROOT, 'models'), pictures: demo },
    ISOLATED,
  )
  const browser = await startChromium()
  try {
    const page = await openPackagePage(browser, server)
    const measure = (threads: number) =>
      page.evaluate(
        async ([count, addresses]) => {
          const model = await window.blip2.Blip2.fromPretrained('models/emoji', {
            wasmPaths: 'ort/',
            device: 'cpu',
            threads: count,
          })
          const milliseconds = async (work: () => Promise<unknown>) => {
            await work()
            const times: number[] = []
            for (let i = 0; i < 3; i++) {
              const start = performance.now()
              await work()
              times.push(performance.now() - start)
            }
            return times.sort((a, b) => a - b)[1]!
          }
          const encoded = await model.encode(addresses)
          const times = {
            encode: await milliseconds(() => model.encode(addresses)),
            caption: await milliseconds(() => model.caption(encoded, { numBeams: 5 })),
          }
          const captions = await model.caption(encoded, { numBeams: 5 })
          await model.dispose()
          return { threads: model.backend.threads, times, texts: captions.map(({ text }) => text) }
        },
        [threads, pictures] as const,
      )
    const [one, two] = [await measure(1), await measure(2)]
    console.log(
      `${pictures.length} pictures, milliseconds on 1 and 2 threads: ${JSON.stringify([one.times, two.times])}`,
    )
    expect([one.threads, two.threads]).toEqual([1, 2])
    expect(two.texts).toEqual(one.texts)
    expect(two.times.encode + two.times.caption).toBeLessThan(one.times.encode + one.times.caption)
  } finally {
    await browser.close()
    await rm(bundle, { recursive: true, force: true })
  }
})
