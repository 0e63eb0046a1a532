// Describes the pictures that are chosen and orders them by words, in the page alone.
//   npm install && npx vite
import { Blip2, rankImages } from 'blip2/browser'
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'

const [status, files, search, words, list] = ['status', 'files', 'search', 'words', 'pictures'].map((id) =>
  document.getElementById(id),
)
// ?threads=4 in the address tries four; without it, half of the cores.
const THREADS = Number(new URLSearchParams(location.search).get('threads')) || undefined
const model = await open()
let shown = []
for (const control of document.querySelectorAll(':disabled')) control.disabled = false

async function open() {
  try {
    const opened = await Blip2.fromPretrained(`${import.meta.env.BASE_URL}emoji`, {
      device: 'cpu',
      threads: THREADS,
      wasmPaths: { mjs, wasm },
      onProgress: ({ loaded, total }) => {
        status.textContent = `Loading ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`
      },
    })
    status.textContent = `Ready, threads: ${opened.backend.threads}`
    return opened
  } catch (error) {
    status.textContent = error.message
    throw error
  }
}

files.addEventListener('change', async () => {
  const chosen = [...files.files]
  try {
    const start = performance.now()
    const encoded = await model.encode(chosen)
    const captions = await model.caption(encoded)
    const milliseconds = (performance.now() - start).toFixed(0)
    status.textContent = `Pictures: ${chosen.length}, milliseconds: ${milliseconds}, threads: ${model.backend.threads}`
    shown = chosen.map((file, i) => ({ encoded: encoded[i], item: listItem(file, captions[i].text) }))
    list.replaceChildren(...shown.map(({ item }) => item))
  } catch (error) {
    status.textContent = error.message
  }
})

search.addEventListener('submit', async (event) => {
  event.preventDefault()
  const encoded = shown.map((picture) => picture.encoded)
  // Best first; the pictures beyond the first 16 are left out.
  const found = await rankImages(model, words.value, encoded)
  list.replaceChildren(...found.map(({ index }) => shown[index].item))
})

function listItem(file, caption) {
  const item = document.createElement('li')
  const picture = new Image()
  picture.src = URL.createObjectURL(file)
  picture.alt = file.name
  item.append(picture, caption)
  return item
}
