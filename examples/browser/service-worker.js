// Keeps the page's own files, so that it opens without a network. The model's files are kept by blip2 itself.
const CACHE = 'page'
const MODELS = new URL('models/', registration.scope).href

addEventListener('install', (event) => {
  event.waitUntil(keepAll())
})
addEventListener('activate', (event) => {
  event.waitUntil(clients.claim())
})
addEventListener('fetch', (event) => {
  const { url, method } = event.request
  if (method === 'GET' && !url.startsWith(MODELS)) event.respondWith(fromNetworkOrCache(event.request))
})

async function keepAll() {
  const files = await (await fetch('files.json')).json()
  const cache = await caches.open(CACHE)
  await cache.addAll(['./', 'files.json', ...files])
}

async function fromNetworkOrCache(request) {
  const cache = await caches.open(CACHE)
  try {
    const response = await fetch(request)
    if (response.ok) await cache.put(request, response.clone())
    return response
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true })
    if (kept) return kept
    throw error
  }
}
