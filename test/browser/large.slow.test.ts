import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { writeLargeModel } from './largeModel.js'
import { openPackagePage } from './packagePage.js'
import { serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')
const PICTURE = 'noto-v1-guitar.png'

it('a model of the sizes of ViT-L and OPT-125M runs in the browser, and computes what Node does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-large-'))
  const bundle = await bundleForBrowsers()
  try {
    const parameters = await writeLargeModel(join(folder, 'large'))
    expect(parameters).toBeGreaterThan(500e6)
    await using server = await serveFolders({
      blip2: bundle,
      ort: join(ROOT, 'node_modules/onnxruntime-web/dist'),
      large: join(folder, 'large'),
      pictures: join(ROOT, 'assets/demo'),
    })
    const browser = await startChromium()
    try {
      const page = await openPackagePage(browser, server)
      const found = await page.evaluate(async (picture) => {
        const start = performance.now()
        const model = await window.blip2.Blip2.fromPretrained('large', {
          wasmPaths: 'ort/',
          device: 'cpu',
          cache: false,
        })
        const opened = performance.now()
        const encoded = await model.encode(`pictures/${picture}`)
        const { text } = await model.caption(encoded, { numBeams: 2, maxNewTokens: 5 })
        const seconds = { open: (opened - start) / 1000, caption: (performance.now() - opened) / 1000 }
        await model.dispose()
        return { features: [...encoded.features.subarray(0, 4096)], text, seconds }
      }, PICTURE)
      console.log(`${parameters} parameters, seconds: ${JSON.stringify(found.seconds)}`)
      await using node = await Blip2.fromPretrained(join(folder, 'large'), { cacheDir: folder })
      const encoded = await node.encode(join(ROOT, 'assets/demo', PICTURE))
      const errors = found.features.map((value, i) => Math.abs(value - encoded.features[i]!))
      expect(Math.max(...errors)).toBeLessThan(1e-3)
      expect(found.text).toBe((await node.caption(encoded, { numBeams: 2, maxNewTokens: 5 })).text)
    } finally {
      await browser.close()
    }
  } finally {
    await rm(bundle, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  }
})
