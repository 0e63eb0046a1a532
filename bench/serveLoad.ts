import { readFile, readdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'

const PICTURES = 'assets/demo'
/** Connections that are kept: as many as there are clients at most. */
const SOCKETS = 64

export interface Load {
  /** Milliseconds of each request, ascending. */
  readonly latencies: readonly number[]
  /** Requests that got no whole answer, or another status than 200. */
  readonly lost: number
  readonly seconds: number
}

export interface Client {
  /** Whether the request was answered, and well. */
  readonly post: (path: string, body: Buffer) => Promise<boolean>
  close(): void
}

/** So many clients, each of which asks again as soon as it has its answer, while `more` says so. */
export async function drive(
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

export function clientOf(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS })
  const post = (path: string, body: Buffer) =>
    new Promise<boolean>((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const sent = request(`${url}${path}`, { method: 'POST', agent, headers }, async (response) => {
        const text = await textOf(response).catch(() => undefined)
        // A stream that failed ends in an event that says so.
        resolve(response.statusCode === 200 && text !== undefined && !/^event: error$/m.test(text))
      })
      sent.on('error', () => resolve(false))
      sent.end(body)
    })
  return { post, close: () => agent.destroy() }
}

/** The pictures of the demo as data URLs. */
export async function pictures(): Promise<string[]> {
  const files = (await readdir(PICTURES)).filter((file) => file.endsWith('.png'))
  const bytes = await Promise.all(files.map((file) => readFile(join(PICTURES, file))))
  return bytes.map((png) => `data:image/png;base64,${png.toString('base64')}`)
}

export const bodyOf = (body: object): Buffer => Buffer.from(JSON.stringify(body))
