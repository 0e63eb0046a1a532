import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CaptionedPictures } from '../../src/data/captionedPictures.js'
import { parseMixture } from '../../src/data/loader/mixtureSpec.js'
import { type OpenMixtureOptions, openMixturePictures } from '../../src/data/mixturePictures.js'
import { captionBatches } from '../../src/train/pretrain/batches.js'
import { writeTar } from './webdataset/writeTar.js'

const COUNT = 8
const SIDE = 6
const PICTURE_BYTES = SIDE * SIDE * 4

let server: Server
let address: string
/** What was asked of the server: ranges of bytes. */
let asked: (string | undefined)[] = []
let files: Uint8Array[]
let tar: Uint8Array
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-stored-'))
  files = await Promise.all(
    Array.from({ length: COUNT }, (_, i) => {
      const background = { r: 20 * i, g: 90, b: 200 - 20 * i }
      return sharp({ create: { width: 9, height: 7, channels: 3, background } })
        .png()
        .toBuffer()
    }),
  )
  tar = writeTar(members())
  await writeFile(join(folder, 'packed.tar.gz'), gzipSync(tar))
  server = createServer(({ headers }, response) => {
    asked.push(headers.range)
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
    if (first === undefined) return response.end(tar)
    const end = last ? Number(last) + 1 : tar.length
    response.writeHead(206, { 'content-range': `bytes ${first}-${end - 1}/${tar.length}` })
    response.end(tar.subarray(Number(first), end))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/00000.tar`
})
afterEach(() => {
  asked = []
})
afterAll(async () => {
  await new Promise((done) => server.close(done))
  await rm(folder, { recursive: true })
})

const members = () =>
  files.flatMap((data, i) => [
    { name: `${i}.png`, data },
    { name: `${i}.txt`, data: `number ${i}` },
  ])

const open = (shards: string, options: Partial<OpenMixtureOptions> = {}) =>
  openMixturePictures(parseMixture({ sources: [{ name: 'stored', format: 'webdataset', shards }] }, folder), {
    side: SIDE,
    ...options,
  })

const all = async (pictures: CaptionedPictures) => {
  const found: Uint8Array[] = []
  for (let i = 0; i < pictures.length; i++) found.push((await pictures.picture(i)).rgba)
  return found
}

describe('pictures of a shard that is larger than memory', () => {
  it('are read one by one where they lie, but for those that fit', async () => {
    const pictures = await open(address, { memoryBytes: 3 * PICTURE_BYTES })
    asked = []
    const first = await all(pictures)
    expect(asked).toEqual(files.map((file) => rangeOf(file)))
    asked = []
    expect(await all(pictures)).toEqual(first)
    expect(asked).toEqual(files.slice(3).map((file) => rangeOf(file)))
    expect(first.map((rgba) => rgba[0])).toEqual(files.map((_, i) => 20 * i))
  })

  it('are all kept where they fit, and the same whatever fits', async () => {
    const [none, every] = [await open(address, { memoryBytes: 0 }), await open(address)]
    expect(await all(every)).toEqual(await all(none))
    asked = []
    await all(every)
    expect(asked).toEqual([])
    expect(every.fingerprint).toBe(none.fingerprint)
  })

  it('train in the same order whatever fits, and from any step on', async () => {
    const options = { batch: 3, seed: 2, augment: { size: 4, mean: [0, 0, 0], std: [1, 1, 1] } } as const
    const run = async (pictures: CaptionedPictures, from: number) => {
      const batches = captionBatches(pictures, options)
      const found: unknown[] = []
      for (let step = from; step < 8; step++) {
        const { images, captions } = await batches(step)
        found.push({ images: images.slice(), captions })
      }
      return found
    }
    const whole = await run(await open(address), 0)
    expect(await run(await open(address, { memoryBytes: PICTURE_BYTES }), 0)).toEqual(whole)
    expect(await run(await open(address, { memoryBytes: 0 }), 5)).toEqual(whole.slice(5))
  })

  it('are read while the step before computes', async () => {
    const augment = { size: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const
    const batches = captionBatches(await open(address, { memoryBytes: 0 }), { batch: 2, seed: 1, augment })
    asked = []
    await batches(0)
    await expect.poll(() => asked.length).toBe(4)
    await batches(1)
    await expect.poll(() => asked.length).toBe(6)
  })
})

describe('pictures of a gzip shard', () => {
  it('are held in memory, and refused beyond the limit', async () => {
    const packed = await open('packed.tar.gz', { memoryBytes: 4000 })
    expect(await all(packed)).toEqual(await all(await open(address)))
    await expect(open('packed.tar.gz', { memoryBytes: 300 })).rejects.toThrow(/is packed, .*more than 300 bytes/)
  })
})

describe('shards that were examined before', () => {
  const cacheDir = () => join(folder, 'cache')
  const knownFiles = () => readdir(join(cacheDir(), 'examined-shards'))

  it('are not read again, and give the same pictures', async () => {
    const path = join(folder, 'known.tar')
    // Its last picture is broken.
    await writeFile(path, writeTar([...members(), { name: 'x.png', data: 'none' }, { name: 'x.txt', data: 'none' }]))
    const lost: string[] = []
    const onLoss = (name: string) => lost.push(name)
    const [first, without] = [await open(path, { cacheDir: cacheDir(), onLoss }), await open(path, { onLoss })]
    const [known] = await knownFiles()
    // What is kept is what is used: another caption comes back.
    const kept = join(cacheDir(), 'examined-shards', known!)
    await writeFile(kept, (await readFile(kept, 'utf8')).replace('number 2', 'number two'))
    const again = await open(path, { cacheDir: cacheDir(), onLoss })
    expect(lost).toEqual(Array(3).fill('stored: x'))
    expect(again.captions(2)).toEqual(['number two'])
    expect(first.fingerprint).toBe(without.fingerprint)
    expect(await all(again)).toEqual(await all(first))
  })

  it('are read again once they changed, or what was kept of them is damaged', async () => {
    const path = join(folder, 'changed.tar')
    const before = await knownFiles()
    await writeFile(path, tar)
    await open(path, { cacheDir: cacheDir() })
    const [name] = (await knownFiles()).filter((file) => !before.includes(file))
    await writeFile(join(cacheDir(), 'examined-shards', name!), '{')
    expect((await open(path, { cacheDir: cacheDir() })).length).toBe(COUNT)
    await writeFile(path, writeTar(members().slice(2)))
    expect((await open(path, { cacheDir: cacheDir() })).length).toBe(COUNT - 1)
  })

  it('are not kept where they cannot be read again alike', async () => {
    const before = await knownFiles()
    await open(address, { cacheDir: cacheDir() })
    await open('packed.tar.gz', { cacheDir: cacheDir() })
    expect(await knownFiles()).toEqual(before)
  })
})

it('tells which picture is gone', async () => {
  const path = join(folder, 'plain.tar')
  await writeFile(path, tar)
  const pictures = await open(path, { memoryBytes: 0 })
  await rm(path)
  await expect(pictures.picture(1)).rejects.toThrow(
    /plain\.tar, bytes \d+ to \d+ could be read .* now it cannot: .*ENOENT/,
  )
})

function rangeOf(file: Uint8Array): string {
  const start = Buffer.from(tar).indexOf(file)
  return `bytes=${start}-${start + file.length - 1}`
}
