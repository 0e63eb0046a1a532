import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { writeLargeModel } from './largeModel.js'
import { openPackagePage } from './packagePage.js'
import { ISOLATED, serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')

it('two threads compute what one does; with a large model they take less time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-threads-'))
  const bundle = await bundleForBrowsers()
  await writeLargeModel(join(folder, 'large'), { visionLayers: 6 })
  await using server = await serveFolders(
    {
      blip2: bundle,
      ort: join(ROOT, 'node_modules/onnxruntime-web/dist'),
      emoji: join(ROOT, 'models/emoji'),
      large: join(folder, 'large'),
      pictures: join(ROOT, 'assets/demo'),
    },
    ISOLATED,
  )
  const browser = await startChromium()
  try {
    const page = await openPackagePage(browser, server)
    const measure = (address: string, threads: number) =>
      page.evaluate(
        async ([directory, count]) => {
          const options = { wasmPaths: 'ort/', device: 'cpu', cache: false } as const
          const model = await window.blip2.Blip2.fromPretrained(directory, { ...options, threads: count })
          const picture = 'pictures/noto-v1-guitar.png'
          const times: number[] = []
          let features = new Float32Array()
          // The first one draws the graph and opens its session.
          for (let i = 0; i < 4; i++) {
            const start = performance.now()
            features = (await model.encode(picture)).features.slice(0, 4096)
            if (i > 0) times.push(performance.now() - start)
          }
          await model.dispose()
          return { threads: model.backend.threads, milliseconds: Math.min(...times), features: [...features] }
        },
        [address, threads] as const,
      )
    for (const address of ['emoji', 'large']) {
      const [one, two] = [await measure(address, 1), await measure(address, 2)]
      console.log(`${address}: a picture encoded in ${one.milliseconds} ms, on 2 threads in ${two.milliseconds} ms`)
      expect([one.threads, two.threads]).toEqual([1, 2])
      const errors = one.features.map((value, i) => Math.abs(value - two.features[i]!))
      expect(Math.max(...errors)).toBeLessThan(1e-4)
      if (address === 'large') expect(two.milliseconds).toBeLessThan(one.milliseconds)
    }
  } finally {
    await browser.close()
    for (const made of [bundle, folder]) await rm(made, { recursive: true, force: true })
  }
})
