import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openByteSource } from '../../../src/data/bytes/byteSource.js'
import { readShardSamples } from '../../../src/data/webdataset/samples.js'
import { collect } from '../fixture.js'
import { writeTar } from '../webdataset/writeTar.js'

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251)
let server: Server
let address: string
let ranges: (string | undefined)[] = []
/** What the server does with a request; undefined: answers as servers do. */
let behave: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
let content: Uint8Array = bytes

beforeAll(async () => {
  server = createServer((request, response) => {
    ranges.push(request.headers.range)
    if (!behave?.(request, response)) serve(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/00000.tar`
})
afterEach(() => {
  ranges = []
  behave = undefined
  content = bytes
})
afterAll(() => new Promise((done) => server.close(done)))

function serve(request: IncomingMessage, response: ServerResponse, sent?: number) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const start = Number(first ?? 0)
  const end = last ? Math.min(Number(last) + 1, content.length) : content.length
  if (start >= content.length) return response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
  const ranged = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }
  response.writeHead(first === undefined ? 200 : 206, { etag: '"1"', 'content-length': end - start, ...ranged })
  if (sent === undefined) return response.end(content.subarray(start, end))
  // Breaks off in the middle.
  return response.write(content.subarray(start, start + sent), () => response.destroy())
}

const joined = async (chunks: AsyncIterable<Uint8Array>) => Buffer.concat(await collect(chunks))

describe.each(['file', 'http'])('a source of kind %s', (kind) => {
  let location: string
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blip2-bytes-'))
    location = kind === 'http' ? address : join(folder, 'bytes')
    if (kind === 'file') await writeFile(location, bytes)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('reads ranges and streams', async () => {
    const source = openByteSource(location)
    expect(await source.size()).toBe(bytes.length)
    expect(Buffer.compare(await source.read(7, 70_000), bytes.subarray(7, 70_000))).toBe(0)
    expect(Buffer.compare(await joined(source.stream()), bytes)).toBe(0)
    expect(Buffer.compare(await joined(source.stream(299_990)), bytes.subarray(299_990))).toBe(0)
    expect(await joined(source.stream(bytes.length))).toHaveLength(0)
    await expect(source.read(0, bytes.length + 1)).rejects.toThrow(/ends at byte 300000; expected 300001/)
  })

  it('stops when it is told to', async () => {
    const controller = new AbortController()
    const stream = openByteSource(location, controller.signal).stream()
    controller.abort()
    await expect(joined(stream)).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('http', () => {
  it('goes on where a transfer broke off, and after a passing error', async () => {
    let requests = 0
    behave = (request, response) => {
      requests++
      if (requests === 1) serve(request, response, 100_000)
      else if (requests === 2) response.writeHead(503).end()
      return requests < 3
    }
    expect(Buffer.compare(await joined(openByteSource(address).stream()), bytes)).toBe(0)
    expect(ranges).toHaveLength(3)
    expect(ranges[0]).toBeUndefined()
    expect(ranges[2]).toMatch(/^bytes=[1-9]\d*-$/)
  })

  it('reads from servers that know no ranges', async () => {
    behave = (_, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
      return true
    }
    const source = openByteSource(address)
    expect(Buffer.compare(await source.read(5, 99_999), bytes.subarray(5, 99_999))).toBe(0)
    expect(Buffer.compare(await joined(source.stream(200_000)), bytes.subarray(200_000))).toBe(0)
  })

  it('stops for a missing file, and for one that changes', async () => {
    behave = (_, response) => {
      response.writeHead(404).end()
      return true
    }
    await expect(openByteSource(address).size()).rejects.toThrow(/answered 404/)
    expect(ranges).toHaveLength(1)
    let requests = 0
    behave = (request, response) => {
      requests++
      if (requests === 1) serve(request, response, 1000)
      else response.writeHead(200, { etag: '"2"' }).end(bytes)
      return true
    }
    await expect(joined(openByteSource(address).stream())).rejects.toThrow(
      /changed while it was read \("1" became "2"\)/,
    )
  })

  it('reads a shard from a sample on with a range request', async () => {
    content = writeTar(['a', 'b', 'c'].map((key) => ({ name: `${key}.txt`, data: key.repeat(2000) })))
    const all = await collect(readShardSamples(address))
    ranges = []
    expect(await collect(readShardSamples(address, all[1]!.offset))).toEqual(all.slice(1))
    expect(ranges).toContain(`bytes=${all[1]!.offset}-`)
  })
})
