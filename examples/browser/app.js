// A page without a server: the model captions, matches and searches pictures in a Web Worker.
import { Blip2, rankImages } from './blip2/index.js'

const element = (id) => document.getElementById(id)
const status = element('status')

// The page's own files, kept for when there is no network; the model's are kept by blip2.
await navigator.serviceWorker?.register('service-worker.js')

const pictures = await (await fetch('pictures.json')).json()
for (const name of pictures) {
  const button = document.createElement('button')
  button.innerHTML = `<img src="pictures/${name}" alt="${name.replace(/\.png$/, '').replaceAll('-', ' ')}">`
  button.addEventListener('click', () => choose(`pictures/${name}`, button))
  element('pictures').appendChild(document.createElement('li')).append(button)
}

const model = await open()
const encoded = await model.encode(pictures.map((name) => `pictures/${name}`))
const vectors = await model.embedImage(encoded)
let chosen
for (const control of document.querySelectorAll('button, input')) control.disabled = false
await choose(`pictures/${pictures[0]}`, document.querySelector('#pictures button'))
document.body.dataset.ready = ''

async function open() {
  const progress = element('progress')
  try {
    const model = await Blip2.fromPretrained('models/emoji', {
      wasmPaths: 'ort/',
      device: 'cpu',
      onProgress: ({ loaded, total }) => {
        progress.value = loaded / total
        status.textContent = `Loading ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`
      },
    })
    const { threads, crossOriginIsolated } = model.backend
    status.textContent = crossOriginIsolated
      ? `Ready, on ${threads} threads.`
      : 'Ready, on one thread: this page is not cross-origin isolated (its server does not send COOP and COEP).'
    return model
  } catch (error) {
    status.textContent = error.message
    throw error
  } finally {
    progress.hidden = true
  }
}

/** @param {string | Blob} picture */
async function choose(picture, button) {
  chosen = picture
  for (const other of document.querySelectorAll('#pictures button'))
    other.setAttribute('aria-pressed', String(other === button))
  element('chosen').src = typeof picture === 'string' ? picture : URL.createObjectURL(picture)
  element('scores').hidden = true
  const caption = element('caption')
  caption.textContent = '…'
  const { text } = await model.caption(picture)
  // Another one may have been chosen meanwhile.
  if (chosen === picture) caption.textContent = text
}

element('file').addEventListener('change', ({ target }) => target.files[0] && choose(target.files[0]))

element('match').addEventListener('submit', async (event) => {
  event.preventDefault()
  const texts = element('texts')
    .value.split(',')
    .map((text) => text.trim())
    .filter(Boolean)
  const scores = await model.match(chosen, texts)
  const rows = texts.map((text, i) => ({ text, ...scores[i] })).sort((a, b) => b.itm - a.itm)
  const body = element('scores').tBodies[0]
  body.replaceChildren()
  for (const { text, itm, itc } of rows) {
    const row = body.insertRow()
    for (const value of [text, itm.toFixed(3), itc.toFixed(3)]) row.insertCell().textContent = value
  }
  element('scores').hidden = false
})

element('search').addEventListener('submit', async (event) => {
  event.preventDefault()
  const found = await rankImages(model, element('words').value, encoded, { imageVectors: vectors, k: 5 })
  element('found').replaceChildren(
    ...found.map(({ index, itm }) => {
      const item = document.createElement('li')
      item.innerHTML = `<img src="pictures/${pictures[index]}" alt="${pictures[index]}">${(100 * itm).toFixed(0)} %`
      return item
    }),
  )
})
