import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Blip2 } from '../../src/index.js'
import { bundleForBrowsers } from './bundle.js'
import { startChromium } from './chromium.js'
import { openPackagePage } from './packagePage.js'
import { ISOLATED, serveFolders } from './staticServer.js'

const ROOT = join(import.meta.dirname, '../..')
const PICTURE = 'noto-v1-guitar.png'
/** Chromium's own software adapter: for what is computed, not for how fast. */
const SOFTWARE_ADAPTER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']

it('WebGPU computes what Node does, and an isolated page says that it is one', async () => {
  const bundle = await bundleForBrowsers()
  const folders = {
    blip2: bundle,
    ort: join(ROOT, 'node_modules/onnxruntime-web/dist'),
    models: join(ROOT, 'models'),
    pictures: join(ROOT, 'assets/demo'),
  }
  await using server = await serveFolders(folders, ISOLATED)
  const browser = await startChromium(SOFTWARE_ADAPTER)
  try {
    const page = await openPackagePage(browser, server)
    const found = await page.evaluate(async (picture) => {
      const model = await window.blip2.Blip2.fromPretrained('models/emoji', { wasmPaths: 'ort/', device: 'webgpu' })
      const encoded = await model.encode(`pictures/${picture}`)
      const [{ text }, vectors] = [await model.caption(encoded), await model.embedImage(encoded)]
      return { backend: model.backend, text, vectors: [...vectors] }
    }, PICTURE)
    expect(found.backend).toMatchObject({ device: 'webgpu', crossOriginIsolated: true })
    await using node = await Blip2.fromPretrained(join(ROOT, 'models/emoji'))
    const encoded = await node.encode(join(ROOT, 'assets/demo', PICTURE))
    expect(found.text).toBe((await node.caption(encoded)).text)
    const vectors = await node.embedImage(encoded)
    expect(Math.max(...found.vectors.map((value, i) => Math.abs(value - vectors[i]!)))).toBeLessThan(1e-3)
  } finally {
    await browser.close()
    await rm(bundle, { recursive: true, force: true })
  }
})
