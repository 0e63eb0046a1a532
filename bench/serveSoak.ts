import type { RunningServer } from '../src/serve/server.js'
import type { Figures } from './main.js'
import { bodyOf, clientOf, drive } from './serveLoad.js'

const CLIENTS = 64
const MIB = 2 ** 20
/** Requests between two looks at the memory. */
const EVERY = 20

/** One request of each kind, asked in turn; all have a picture. */
const KINDS: readonly (readonly [path: string, body: (image: string) => object])[] = [
  ['/v1/caption', (image) => ({ image, numBeams: 1 })],
  ['/v1/caption', (image) => ({ image, stream: true })],
  ['/v1/ask', (image) => ({ image, question: 'what is it?', numBeams: 1 })],
  ['/v1/match', (image) => ({ image, texts: ['octopus', 'guitar', 'snowman'] })],
  ['/v1/embed', (image) => ({ image })],
  ['/v1/search', (image) => ({ image, texts: ['octopus', 'guitar', 'snowman'] })],
  [
    '/v1/chat/completions',
    (url) => ({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] }),
  ],
]

/**
 * Many requests about pictures, of every kind in turn, from 64 clients in this process, while the memory of the process
 * (server, model's thread and clients) is watched. Early is the mean over the second tenth of the requests, when all
 * that is made once is there; late that over the last.
 */
export async function soak(
  server: RunningServer,
  images: readonly string[],
  requests: number,
  note: (line: string) => void,
): Promise<Figures & { readonly lost: number }> {
  const bodies = KINDS.flatMap(([path, body]) => images.map((image) => [path, bodyOf(body(image))] as const))
  // Every kind is asked before any comes again, then the next picture.
  const of = (number: number) =>
    bodies[(number % KINDS.length) * images.length + (Math.floor(number / KINDS.length) % images.length)]!
  const client = clientOf(server.url)
  const resident: number[] = []
  const heap: number[] = []
  const load = await drive(
    (number) => client.post(...of(number)),
    CLIENTS,
    (sent) => {
      if (sent >= requests) return false
      if (sent % EVERY === 0) {
        const { rss, heapUsed } = process.memoryUsage()
        resident.push(rss / MIB)
        heap.push(heapUsed / MIB)
      }
      if (sent > 0 && sent % Math.ceil(requests / 10) === 0)
        note(`${sent} requests: ${resident.at(-1)!.toFixed(0)} MiB resident`)
      return true
    },
  )
  client.close()
  const [early, late] = [tenth(resident, 1), tenth(resident, 9)]
  return {
    requests,
    perSecond: load.latencies.length / load.seconds,
    p99Ms: load.latencies[Math.floor(load.latencies.length * 0.99)] ?? 0,
    residentEarlyMiB: early,
    residentLateMiB: late,
    residentGrowth: late / early - 1,
    heapEarlyMiB: tenth(heap, 1),
    heapLateMiB: tenth(heap, 9),
    lost: load.lost,
  }
}

/** Mean over the n-th tenth, from 0. */
function tenth(samples: readonly number[], n: number): number {
  const part = samples.slice(Math.floor((samples.length * n) / 10), Math.ceil((samples.length * (n + 1)) / 10))
  return part.reduce((sum, value) => sum + value, 0) / part.length
}
