import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const COMMIT = 'c'.repeat(40)

/** What goes wrong with the next answer for a file. */
export type Fault =
  /** The connection ends after so many bytes of the answer. */
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'status'; readonly status: number }
  /** The whole file, whatever range was asked for. */
  | { readonly kind: 'no-range' }
  /** Some bytes, then nothing while the connection stays open. */
  | { readonly kind: 'stall'; readonly after: number }

export interface HubServer extends AsyncDisposable {
  readonly endpoint: string
  /** 'PATH RANGE' of each file that was asked for. */
  readonly requests: string[]
  /** Tokens that came with requests. */
  readonly tokens: Set<string>
  readonly faults: Map<string, Fault[]>
  commit: string
  /** Where set, requests without it are refused. */
  requiredToken: string | undefined
}

/** A server with the hub's paths: revision, tree, and files by range. Files of 1 kB and more are large ones there. */
export async function startHubServer(id: string, files: ReadonlyMap<string, Uint8Array>): Promise<HubServer> {
  const requests: string[] = []
  const tokens = new Set<string>()
  const faults = new Map<string, Fault[]>()
  const server = createServer((request, response) => handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    tokens,
    faults,
    commit: COMMIT,
    requiredToken: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return hub

  function handle(request: IncomingMessage, response: ServerResponse) {
    const token = request.headers.authorization?.replace('Bearer ', '')
    if (token) tokens.add(token)
    if (hub.requiredToken !== undefined && token !== hub.requiredToken)
      return json(response, 401, { error: 'no access' })
    const path = new URL(request.url ?? '', 'http://hub').pathname
    if (path.startsWith(`/api/models/${id}/revision/`)) {
      const revision = decodeURIComponent(path.split('/').at(-1)!)
      if (revision !== 'main' && revision !== hub.commit) return json(response, 404, { error: 'Invalid rev id' })
      return json(response, 200, { _id: '1', id, sha: hub.commit, private: false, lastModified: '2023-01-01' })
    }
    if (path === `/api/models/${id}/tree/${hub.commit}`) return json(response, 200, [...files].map(entry))
    const name = path.replace(`/${id}/resolve/${hub.commit}/`, '')
    const content = files.get(name)
    if (content === undefined) return json(response, 404, { error: 'Repository not found' })
    requests.push(`${name} ${request.headers.range ?? 'all'}`)
    sendFile(request, response, content, faults.get(name)?.shift())
  }
}

function sendFile(request: IncomingMessage, response: ServerResponse, content: Uint8Array, fault: Fault | undefined) {
  if (fault?.kind === 'status') return json(response, fault.status, { error: 'fault' })
  const from = /bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]
  const start = from === undefined || fault?.kind === 'no-range' ? 0 : Number(from)
  const whole = fault?.kind === 'wrong' ? content.map((byte) => byte ^ 1) : content
  const part = whole.subarray(start)
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': part.byteLength,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.byteLength - 1}/${content.byteLength}` } : {}),
  })
  // A moment later, since a reset connection loses what was not read yet.
  if (fault?.kind === 'cut')
    response.write(part.subarray(0, fault.after), () => setTimeout(() => response.destroy(), 50))
  else if (fault?.kind === 'stall') response.write(part.subarray(0, fault.after))
  else response.end(part)
}

function entry([path, content]: readonly [string, Uint8Array]) {
  const git = createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex')
  const size = content.byteLength
  if (size < 1000) return { type: 'file', path, size, oid: git }
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { type: 'file', path, size, oid: 'f'.repeat(40), lfs: { oid: sha256, size, pointerSize: 130 } }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
