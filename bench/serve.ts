import { readFile, readdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type RunningServer, openServer } from '../src/serve/server.js'
import type { Benchmark } from './main.js'

const MODEL = 'models/emoji'
const PICTURES = 'assets/demo'
const CLIENTS = [1, 8, 64]
const MIB = 2 ** 20

interface Load {
  /** Milliseconds of each request, ascending. */
  readonly latencies: readonly number[]
  /** Requests that got no answer, or another status than 200. */
  readonly lost: number
  readonly seconds: number
}

/** `--seconds N` of each measurement of speed (default 5), `--requests N` of the one of memory (default 20,000). */
export const takesArguments = true

/**
 * The server under load from clients in this process: captions (greedy) at 1, 8 and 64 clients, with batches and one by
 * one; then many embeddings, while the memory of the process is watched. About two minutes on 2 cores.
 */
export const bench: Benchmark = async (note, args) => {
  const { seconds, requests } = settingsOf(args)
  const figures: Record<string, number> = {}
  const images = await pictures()
  let lost = 0
  for (const batch of [16, 1]) {
    const server = await openServer({ ...OPTIONS, limits: { batch } })
    const caption = clientOf(server, '/v1/caption', images, { numBeams: 1 })
    // Every size of a batch is compiled once.
    for (const clients of [...CLIENTS, 2, 4, 16]) await drive(caption.send, clients, untilSeconds(1))
    for (const clients of CLIENTS) {
      const load = await drive(caption.send, clients, untilSeconds(seconds))
      lost += load.lost
      const rate = load.latencies.length / load.seconds
      const [p50, p99] = [quantile(load.latencies, 0.5), quantile(load.latencies, 0.99)]
      note(
        `batches of ${batch}, ${clients} clients: ${rate.toFixed(1)} captions/s, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, lost ${load.lost}`,
      )
      const name = `clients${clients}${batch === 1 ? 'Unbatched' : ''}`
      Object.assign(figures, { [`${name}PerSecond`]: rate, [`${name}P50Ms`]: p50, [`${name}P99Ms`]: p99 })
    }
    caption.close()
    await server.close()
  }
  const memory = await memoryOver(requests, images)
  note(
    `${requests} embeddings: ${memory.perSecond.toFixed(0)}/s, memory ${memory.early.toFixed(0)} MiB after a tenth, ${memory.late.toFixed(0)} MiB at the end, lost ${memory.lost}`,
  )
  return {
    ...figures,
    batchingGain: figures['clients64PerSecond']! / figures['clients64UnbatchedPerSecond']!,
    requests,
    embeddingsPerSecond: memory.perSecond,
    memoryEarlyMiB: memory.early,
    memoryLateMiB: memory.late,
    lost: lost + memory.lost,
  }
}

function settingsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string', default: '5' }, requests: { type: 'string', default: '20000' } },
  })
  return { seconds: Number(values.seconds), requests: Number(values.requests) }
}

const OPTIONS = { model: MODEL, port: 0, version: 'bench' }

async function pictures(): Promise<string[]> {
  const files = (await readdir(PICTURES)).filter((file) => file.endsWith('.png'))
  const bytes = await Promise.all(files.map((file) => readFile(join(PICTURES, file))))
  return bytes.map((png) => `data:image/png;base64,${png.toString('base64')}`)
}

/** Resident memory, its mean over the second tenth of the requests and over the last. */
async function memoryOver(requests: number, images: readonly string[]) {
  const server = await openServer(OPTIONS)
  const embed = clientOf(server, '/v1/embed', images, {})
  const samples: number[] = []
  const load = await drive(embed.send, 64, (sent) => {
    if (sent % 100 === 0) samples.push(process.memoryUsage.rss() / MIB)
    return sent < requests
  })
  embed.close()
  await server.close()
  const tenth = Math.ceil(samples.length / 10)
  return {
    perSecond: load.latencies.length / load.seconds,
    lost: load.lost,
    early: mean(samples.slice(tenth, 2 * tenth)),
    late: mean(samples.slice(-tenth)),
  }
}

/** So many clients, each of which asks again as soon as it has its answer, while `more` says so. */
async function drive(
  send: (number: number) => Promise<boolean>,
  clients: number,
  more: (sent: number) => boolean,
): Promise<Load> {
  const latencies: number[] = []
  let sent = 0
  let lost = 0
  const start = performance.now()
  const client = async () => {
    while (more(sent)) {
      const begun = performance.now()
      if (await send(sent++)) latencies.push(performance.now() - begun)
      else lost++
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { latencies: latencies.sort((a, b) => a - b), lost, seconds: (performance.now() - start) / 1000 }
}

function untilSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000
  return () => performance.now() < end
}

/** Asks a route about one picture after the other. */
function clientOf(server: RunningServer, path: string, images: readonly string[], options: object) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const bodies = images.map((image) => Buffer.from(JSON.stringify({ image, ...options })))
  const send = (number: number) =>
    new Promise<boolean>((resolve) => {
      const body = bodies[number % bodies.length]!
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const sent = request(`${server.url}${path}`, { method: 'POST', agent, headers }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode === 200))
        response.on('error', () => resolve(false))
      })
      sent.on('error', () => resolve(false))
      sent.end(body)
    })
  return { send, close: () => agent.destroy() }
}

const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]!

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
