import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ImageError } from '../../src/errors.js'
import { downloadPicture } from '../../src/serve/pictures/downloadPicture.js'
import { isPublicAddress } from '../../src/serve/pictures/publicAddress.js'

describe('isPublicAddress', () => {
  it.each(['8.8.8.8', '93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'])('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })
  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '::127.0.0.1',
    '4000::1',
    'localhost',
    '',
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('downloadPicture', () => {
  let server: Server
  let port: number
  let answer: RequestListener
  const seen: string[] = []
  beforeEach(async () => {
    seen.length = 0
    server = createServer((request, response) => {
      seen.push(`${request.headers.host} ${request.url}`)
      answer(request, response)
    })
    // All of 127/8, so that one machine has several addresses.
    await new Promise<void>((listening) => server.listen(0, '0.0.0.0', listening))
    port = (server.address() as AddressInfo).port
    answer = (_, response) => response.end('picture')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const signal = new AbortController().signal
  /** 127.0.0.1 stands for the internet, 127.0.0.2 for the server's own network. */
  const isAllowed = (address: string) => address === '127.0.0.1'
  const names: Record<string, string[]> = {
    'pictures.test': ['127.0.0.1'],
    'internal.test': ['127.0.0.2'],
    'both.test': ['127.0.0.1', '127.0.0.2'],
    'none.test': [],
  }
  const resolve = async (name: string) => names[name]!.map((address) => ({ address, family: 4 }))
  const download = (address: string, options: object = {}) =>
    downloadPicture(address, { maxBytes: 100, signal, isAllowed, resolve, ...options })

  it('gives the bytes, and asks with the name', async () => {
    expect(Buffer.from(await download(`http://pictures.test:${port}/a.png`)).toString()).toBe('picture')
    expect(seen).toEqual([`pictures.test:${port} /a.png`])
  })

  it.each(['http://internal.test', 'http://both.test', 'http://none.test', 'http://127.0.0.2', 'http://[::1]'])(
    'does not open %s',
    async (address) => {
      await expect(download(`${address}:${port}/`)).rejects.toThrow(/not an address of the public internet/)
      expect(seen).toEqual([])
    },
  )

  it('opens nothing on this machine by default, however it is written', async () => {
    for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '0'])
      await expect(downloadPicture(`http://${host}:${port}/`, { maxBytes: 100, signal })).rejects.toThrow(ImageError)
    expect(seen).toEqual([])
  })

  it('connects to the address that was checked, whatever the name resolves to next', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    let asked = 0
    const rebinding = async () => answers[asked++]!.map((address) => ({ address, family: 4 }))
    await download(`http://rebinding.test:${port}/`, { resolve: rebinding })
    expect(asked).toBe(1)
  })

  it('follows redirects, and checks each', async () => {
    answer = (request, response) => {
      if (request.url === '/there') return response.end('picture')
      const to = request.url === '/inside' ? `http://internal.test:${port}/there` : '/there'
      return response.writeHead(302, { location: to }).end()
    }
    expect(Buffer.from(await download(`http://pictures.test:${port}/`)).toString()).toBe('picture')
    await expect(download(`http://pictures.test:${port}/inside`)).rejects.toThrow(/not an address of the public/)
    expect(seen.at(-1)).toBe(`pictures.test:${port} /inside`)
  })

  it('ends endless redirects, and those that leave http', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/' }).end()
    await expect(download(`http://pictures.test:${port}/`)).rejects.toThrow(/more than 3 times/)
    answer = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    await expect(download(`http://pictures.test:${port}/`)).rejects.toThrow(/expected the http or https address/)
  })

  it('refuses other schemes, credentials, errors and large files', async () => {
    for (const address of ['file:///etc/passwd', 'ftp://pictures.test/', 'nonsense'])
      await expect(download(address)).rejects.toThrow(/expected the http or https/)
    await expect(download(`http://user:secret@pictures.test:${port}/`)).rejects.toThrow(/password/)
    answer = (_, response) => response.writeHead(404).end()
    await expect(download(`http://pictures.test:${port}/`)).rejects.toThrow(/answered 404/)
    answer = (_, response) => response.end('x'.repeat(101))
    await expect(download(`http://pictures.test:${port}/`)).rejects.toThrow(/larger than 100 bytes/)
  })

  it('stops when it is told to, before and while the answer comes', async () => {
    for (const start of [() => {}, (response: { write(text: string): void }) => response.write('pic')]) {
      const controller = new AbortController()
      answer = (_, response) => {
        start(response)
        setTimeout(() => controller.abort(new Error('left')), 20)
      }
      await expect(download(`http://pictures.test:${port}/`, { signal: controller.signal })).rejects.toThrow('left')
    }
  })

  it('says no more than that a host could not be reached', async () => {
    const closed = port
    server.close()
    server.closeAllConnections()
    await expect(download(`http://pictures.test:${closed}/`)).rejects.toThrow(
      `pictures.test:${closed} could not be reached`,
    )
  })
})
