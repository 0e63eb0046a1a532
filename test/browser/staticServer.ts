import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

export interface StaticServer extends AsyncDisposable {
  readonly url: string
  /** Paths that were asked for, without HEAD. */
  readonly requests: string[]
  /** First parts of paths whose connections are cut. */
  readonly unreachable: Set<string>
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
}
/** The headers that let a page use threads. */
export const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}
const EMPTY_PAGE = '<!doctype html><html lang="en"><title>test</title></html>'

/**
 * A plain file server on a free port. `/` is an empty page.
 * @param folders Folder on disk by the first part of the path.
 * @param headers Sent with everything.
 */
export async function serveFolders(
  folders: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<StaticServer> {
  const requests: string[] = []
  const unreachable = new Set<string>()
  const server = createServer(async ({ url = '/', method, socket }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname))
    const [, first = '', ...rest] = path.split('/')
    if (unreachable.has(first)) return socket.destroy()
    if (method !== 'HEAD') requests.push(path)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (path === '/') return response.setHeader('content-type', TYPES['.html']!).end(EMPTY_PAGE)
    const folder = folders[first]
    const file = folder && join(folder, ...rest, path.endsWith('/') ? 'index.html' : '')
    const found = file ? await stat(file).catch(() => undefined) : undefined
    if (!file || !found?.isFile()) return response.writeHead(404).end()
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
    response.setHeader('content-length', found.size)
    response.setHeader('last-modified', found.mtime.toUTCString())
    if (method === 'HEAD') return response.end()
    return createReadStream(file).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${port}`, requests, unreachable, close, [Symbol.asyncDispose]: close }
}
