import { parseArgs } from 'node:util'
import { openServer } from '../src/serve/server.js'
import type { Benchmark, Figures } from './main.js'
import { bodyOf, clientOf, drive, pictures } from './serveLoad.js'
import { soak } from './serveSoak.js'

const CLIENTS = [1, 8, 64]
const OPTIONS = { model: 'models/emoji', port: 0, version: 'bench' }

/**
 * `--seconds N` of each measurement of speed (default 5; 0 measures none), `--soak N` requests while memory is watched
 * (default 2,000).
 */
export const takesArguments = true

/**
 * The server under load from clients in this process: captions (greedy) at 1, 8 and 64 clients, with batches and one by
 * one; then many requests of every kind, while the memory of the process is watched. About 90 seconds on 2 cores;
 * `--seconds 0 --soak 20000` about five minutes.
 */
export const bench: Benchmark = async (note, args) => {
  const { seconds, requests } = settingsOf(args)
  const images = await pictures()
  const speed = seconds > 0 ? await captionSpeed(images, seconds, note) : { lost: 0 }
  const server = await openServer(OPTIONS)
  const soaked = await soak(server, images, requests, note)
  await server.close()
  return { ...speed, soak: soaked, lost: speed.lost + soaked.lost }
}

function settingsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string', default: '5' }, soak: { type: 'string', default: '2000' } },
  })
  return { seconds: Number(values.seconds), requests: Number(values.soak) }
}

async function captionSpeed(
  images: readonly string[],
  seconds: number,
  note: (line: string) => void,
): Promise<Figures & { readonly lost: number }> {
  const figures: Record<string, number> = {}
  const bodies = images.map((image) => bodyOf({ image, numBeams: 1 }))
  let lost = 0
  for (const batch of [16, 1]) {
    const server = await openServer({ ...OPTIONS, limits: { batch } })
    const client = clientOf(server.url)
    const send = (number: number) => client.post('/v1/caption', bodies[number % bodies.length]!)
    // Every size of a batch is compiled once.
    for (const clients of [...CLIENTS, 2, 4, 16]) await drive(send, clients, untilSeconds(1))
    for (const clients of CLIENTS) {
      const load = await drive(send, clients, untilSeconds(seconds))
      lost += load.lost
      const rate = load.latencies.length / load.seconds
      const [p50, p99] = [quantile(load.latencies, 0.5), quantile(load.latencies, 0.99)]
      note(
        `batches of ${batch}, ${clients} clients: ${rate.toFixed(1)} captions/s, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, lost ${load.lost}`,
      )
      const name = `clients${clients}${batch === 1 ? 'Unbatched' : ''}`
      Object.assign(figures, { [`${name}PerSecond`]: rate, [`${name}P50Ms`]: p50, [`${name}P99Ms`]: p99 })
    }
    client.close()
    await server.close()
  }
  return { ...figures, batchingGain: figures['clients64PerSecond']! / figures['clients64UnbatchedPerSecond']!, lost }
}

function untilSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000
  return () => performance.now() < end
}

const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]!
