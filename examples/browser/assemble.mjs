// Puts the example together in a folder that any static file server can serve:
//   node node_modules/blip2/examples/browser/assemble.mjs site && npx http-server site
// onnxruntime-web has to be installed.
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const site = process.argv[2]
if (!site) throw new Error('give the folder to make: node assemble.mjs site')
const here = import.meta.dirname
const blip2 = join(here, '../..')
const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))

const pictures = (await readdir(join(blip2, 'assets/demo'))).filter((name) => name.endsWith('.png'))
const copies = [
  ...['index.html', 'app.js', 'style.css', 'service-worker.js'].map((name) => [join(here, name), name]),
  ...['index.js', 'worker.js'].map((name) => [join(blip2, 'dist/browser', name), join('blip2', name)]),
  ...['mjs', 'wasm']
    .map((kind) => `ort-wasm-simd-threaded.${kind}`)
    .map((name) => [join(runtime, name), join('ort', name)]),
  ...pictures.map((name) => [join(blip2, 'assets/demo', name), join('pictures', name)]),
]
for (const [from, to] of copies) {
  await mkdir(join(site, dirname(to)), { recursive: true })
  await cp(from, join(site, to))
}
await cp(join(blip2, 'models/emoji'), join(site, 'models/emoji'), { recursive: true })
await writeFile(join(site, 'pictures.json'), JSON.stringify(pictures))
const kept = copies.map(([, to]) => to).filter((name) => name !== 'service-worker.js')
await writeFile(join(site, 'files.json'), JSON.stringify([...kept, 'pictures.json']))
