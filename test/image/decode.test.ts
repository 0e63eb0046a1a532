import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../../src/errors.js'
import { decodeImage } from '../../src/image/decode.js'

// Two pixels side by side: red, then blue.
const RED_BLUE = { data: Uint8Array.of(255, 0, 0, 0, 0, 255), width: 2, height: 1, channels: 3 as const }
const png = () => sharp(RED_BLUE.data, { raw: RED_BLUE }).png().toBuffer()

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'blip2-decode-'))
  await writeFile(join(directory, 'a.png'), await png())
})
afterAll(() => rm(directory, { recursive: true }))

describe('sources', () => {
  it('opens a path, a file address, a buffer, a Blob and raw pixels alike', async () => {
    const path = join(directory, 'a.png')
    const bytes = await png()
    for (const source of [
      path,
      pathToFileURL(path),
      pathToFileURL(path).href,
      bytes,
      new Blob([new Uint8Array(bytes)]),
      RED_BLUE,
    ]) {
      const { rgb, width, height } = await decodeImage(source)
      expect([...rgb, width, height]).toEqual([255, 0, 0, 0, 0, 255, 2, 1])
    }
  })

  it.each(['http://', 'https://[::1/a.png', 'file://host.example/a.png'])(
    'says what is wrong with %s',
    async (address) => {
      const decoded = decodeImage(address)
      await expect(decoded).rejects.toThrow(ImageError)
      await expect(decoded).rejects.toThrow(address)
    },
  )

  it('downloads an address and says what a server answered', async () => {
    const bytes = await png()
    const server = createServer((request, response) => {
      if (request.url !== '/a.png') response.writeHead(404)
      response.end(bytes)
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      expect((await decodeImage(`${origin}/a.png`)).width).toBe(2)
      await expect(decodeImage(new URL(`${origin}/b.png`))).rejects.toThrow(/answered 404/)
    } finally {
      server.close()
    }
  })

  it('says which file is missing or no picture', async () => {
    await expect(decodeImage(join(directory, 'none.png'))).rejects.toThrow(/none\.png: ENOENT/)
    await expect(decodeImage(Buffer.from('not a picture'))).rejects.toThrow(/cannot decode a picture of 13 bytes/)
    await expect(decodeImage(new URL('ftp://example.org/a.png'))).rejects.toThrow(ImageError)
    await expect(decodeImage(42 as unknown as string)).rejects.toThrow(/expected a picture as a path/)
  })

  it('refuses a truncated file', async () => {
    const noise = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
      },
    })
      .png()
      .toBuffer()
    await expect(decodeImage(noise.subarray(0, noise.length / 2))).rejects.toThrow(ImageError)
  })

  it('refuses more pixels than are sensible before decoding them', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="20000"/>'
    await expect(decodeImage(Buffer.from(svg))).rejects.toThrow(/more than 100 million pixels/)
  })

  it('stops when it is told to', async () => {
    await expect(decodeImage(RED_BLUE, AbortSignal.abort())).rejects.toThrow(/abort/i)
  })
})

describe('pixels', () => {
  it('applies the EXIF orientation', async () => {
    const turned = await sharp(RED_BLUE.data, { raw: RED_BLUE })
      .withMetadata({ orientation: 6 })
      .tiff({ compression: 'none' })
      .toBuffer()
    const { rgb, width, height } = await decodeImage(turned)
    expect([width, height]).toEqual([1, 2])
    expect([...rgb]).toEqual([255, 0, 0, 0, 0, 255])
  })

  it('lays transparency on white', async () => {
    const data = Uint8Array.of(255, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 128)
    const raw = { data, width: 3, height: 1, channels: 4 as const }
    const encoded = await sharp(data, { raw }).png().toBuffer()
    for (const source of [raw, encoded]) {
      const { rgb } = await decodeImage(source)
      expect([...rgb.subarray(0, 6)]).toEqual([255, 255, 255, 0, 0, 255])
      expect(Math.abs(rgb[6]! - 127)).toBeLessThanOrEqual(1)
    }
  })

  it('turns grey, grey with alpha, 16 bits and CMYK into RGB', async () => {
    const grey = { data: Uint8Array.of(10, 200), width: 2, height: 1, channels: 1 as const }
    const greyPng = await sharp(grey.data, { raw: grey }).toColourspace('b-w').png().toBuffer()
    for (const source of [grey, greyPng])
      expect([...(await decodeImage(source)).rgb]).toEqual([10, 10, 10, 200, 200, 200])
    const greyAlpha = { data: Uint8Array.of(10, 255, 10, 0), width: 2, height: 1, channels: 2 as const }
    expect([...(await decodeImage(greyAlpha)).rgb]).toEqual([10, 10, 10, 255, 255, 255])
    const deep = await sharp(RED_BLUE.data, { raw: RED_BLUE }).toColourspace('rgb16').png().toBuffer()
    expect([...(await decodeImage(deep)).rgb]).toEqual([255, 0, 0, 0, 0, 255])
    const cmyk = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#ffffff' } })
      .toColourspace('cmyk')
      .tiff()
      .toBuffer()
    const { rgb } = await decodeImage(cmyk)
    expect(rgb).toHaveLength(12)
    expect(Math.min(...rgb)).toBeGreaterThan(240)
  })

  it('takes the first frame of an animation', async () => {
    const frames = Uint8Array.of(255, 0, 0, 0, 0, 255)
    const animated = await sharp(frames, { raw: { width: 1, height: 2, channels: 3, pageHeight: 1 } })
      .gif()
      .toBuffer()
    const { rgb, width, height } = await decodeImage(animated)
    expect([width, height]).toEqual([1, 1])
    expect(rgb[0]).toBeGreaterThan(rgb[2]!)
  })

  it('refuses raw pixels that do not fit their sizes', async () => {
    await expect(decodeImage({ ...RED_BLUE, width: 3 })).rejects.toThrow(/need 9 bytes, got 6/)
  })
})
