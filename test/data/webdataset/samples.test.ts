import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captionedSample } from '../../../src/data/webdataset/captionedSample.js'
import { openImg2dataset } from '../../../src/data/webdataset/img2dataset.js'
import { readShardSamples } from '../../../src/data/webdataset/samples.js'
import { DataError } from '../../../src/errors.js'
import { collect, fixture } from '../fixture.js'
import { type Entry, writeTar } from './writeTar.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blip2-shards-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function shard(entries: readonly Entry[] | Uint8Array, name = 'test.tar'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, entries instanceof Uint8Array ? entries : writeTar(entries))
  return path
}
const isInstalled = (program: string) => spawnSync(program, ['--version']).error === undefined
const packers: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
  ['gzip', (bytes) => gzipSync(bytes)],
  ...['bzip2', 'xz', 'zstd']
    .filter(isInstalled)
    .map((program) => [program, (input: Uint8Array) => execFileSync(program, ['-c'], { input })] as const),
]
const keysAndSuffixes = async (entries: readonly Entry[]) =>
  (await collect(readShardSamples(await shard(entries)))).map(({ key, files }) => [key, ...files.keys()].join(' '))

describe('readShardSamples', () => {
  it('groups consecutive members by the path up to the first dot of the base name', async () => {
    const names = ['a.b/c.JPG', 'a.b/c.seg.PNG', 'a.b/d.txt', 'c.txt', 'a.b/c.txt']
    expect(await keysAndSuffixes(names.map((name) => ({ name })))).toEqual([
      'a.b/c jpg seg.png',
      'a.b/d txt',
      'c txt',
      'a.b/c txt',
    ])
  })

  it('leaves out metadata, folders, links and names without a suffix; they do not end a sample', async () => {
    const entries = [
      { name: '__meta__' },
      { name: '__folder__/a.txt' },
      { name: 'x.jpg' },
      { name: 'README' },
      { name: 'd.x/', type: '5' },
      { name: 'y.txt', type: '2' },
      { name: '.hidden' },
      { name: 'x.txt' },
      { name: 'a/__b__.txt' },
    ]
    expect(await keysAndSuffixes(entries)).toEqual(['x jpg txt', 'a/__b__ txt'])
  })

  it('starts a new sample with a suffix that comes again', async () => {
    expect(await keysAndSuffixes(['1.jpg', '1.txt', '1.JPG', '1.txt', '2.jpg'].map((name) => ({ name })))).toEqual([
      '1 jpg txt',
      '1 jpg txt',
      '2 jpg',
    ])
  })

  // Names that begin as packed files do are names.
  const fiveSamples = ['BZh9', '1', '2', '3', '4'].flatMap((key, i) => [
    { name: `${key}.jpg`, data: 'j'.repeat(600 * i) },
    { name: `${key}.txt`, data: `caption ${i}` },
  ])

  it.each(packers)('reads %s by its content, and goes on from any sample', async (packing, pack) => {
    const plain = await shard(fiveSamples, 'plain.tar')
    const packed = await shard(pack(writeTar(fiveSamples)), `${packing}.tar`)
    const all = await collect(readShardSamples(plain))
    expect(all.map(({ key }) => key)).toEqual(['BZh9', '1', '2', '3', '4'])
    expect(await collect(readShardSamples(packed))).toEqual(all)
    for (const { offset, next } of all)
      for (const path of [plain, packed]) {
        expect(await collect(readShardSamples(path, offset))).toEqual(all.filter((sample) => sample.offset >= offset))
        expect(await collect(readShardSamples(path, next))).toEqual(all.filter((sample) => sample.offset >= next))
      }
  })

  it('tells what it cannot read', async () => {
    const gzip = gzipSync(writeTar([{ name: 'a.txt', data: randomBytes(2000) }]))
    const damaged = await shard(gzip.subarray(0, 1500), 'cut.tar')
    await expect(collect(readShardSamples(damaged))).rejects.toThrow(/cut\.tar is a damaged or truncated gzip/)
    await expect(collect(readShardSamples(join(folder, 'none.tar')))).rejects.toThrow(/none\.tar: ENOENT/)
    const text = await shard(Buffer.from('key,caption\n'.repeat(100)), 'list.tar')
    await expect(collect(readShardSamples(text))).rejects.toThrow(/byte 0: .*not a (tar header|number)/)
  })
})

describe.runIf(isInstalled('zstd'))('a shard that a program unpacks', () => {
  const pictures = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.jpg`, data: randomBytes(100_000) }))
  const packed = () => shard(execFileSync('zstd', ['-c'], { input: writeTar(pictures), maxBuffer: 1e8 }), 'a.tar.zst')

  it('need not be read to its end', async () => {
    const samples = readShardSamples(await packed())
    expect((await samples.next()).value).toMatchObject({ key: '0' })
    await samples.return(undefined)
  })

  it('gives what came before it breaks off', async () => {
    const bytes = await readFile(await packed())
    const cut = await shard(bytes.subarray(0, 2_000_000), 'cut.tar.zst')
    const keys: string[] = []
    const read = async () => {
      for await (const { key } of readShardSamples(cut)) keys.push(key)
    }
    await expect(read()).rejects.toThrow(DataError)
    expect(keys.slice(0, 10)).toEqual(pictures.slice(0, 10).map((_, i) => `${i}`))
  })

  it('tells what the program says of a damaged one', async () => {
    const bytes = Buffer.from(await readFile(await packed())).fill(7, 4)
    const damaged = await shard(bytes, 'damaged.tar.zst')
    await expect(collect(readShardSamples(damaged))).rejects.toThrow(
      /damaged\.tar\.zst is a damaged or truncated zstd file \(.+\)/,
    )
  })
})

it('a program that is not installed is asked for', async () => {
  const path = await shard(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]), 'a.tar.xz')
  const { PATH } = process.env
  process.env['PATH'] = folder
  try {
    await expect(collect(readShardSamples(path))).rejects.toThrow(/the program xz cannot be run \(ENOENT\); install/)
  } finally {
    process.env['PATH'] = PATH
  }
})

describe('captionedSample', () => {
  const sample = (files: Record<string, string>) => ({
    key: 'k',
    files: new Map(Object.entries(files).map(([suffix, text]) => [suffix, Buffer.from(text)])),
    starts: new Map(Object.keys(files).map((suffix, i) => [suffix, 1024 * i + 512])),
    offset: 0,
    next: 0,
  })

  it('takes the text, or a field of the JSON, which may be a list that is best first', () => {
    const json = JSON.stringify({ caption: 'from json', blip: [' best ', 'second', ''] })
    expect(captionedSample(sample({ png: 'P', txt: ' from txt\n', json }))).toEqual({
      key: 'k',
      image: Buffer.from('P'),
      imageStart: 512,
      captions: ['from txt'],
    })
    expect(captionedSample(sample({ webp: 'W', json })).captions).toEqual(['from json'])
    expect(captionedSample(sample({ jpg: 'J', txt: 'x', json }), { captionField: 'blip' }).captions).toEqual([
      'best',
      'second',
    ])
  })

  it.each<[Record<string, string>, string | undefined, RegExp]>([
    [{ txt: 'a' }, undefined, /sample k has no picture; expected jpg, .* got txt/],
    [{ jpg: '' }, undefined, /sample k has no captions; expected txt or json, got jpg/],
    [{ jpg: '', txt: 'a' }, 'blip', /expected json, got jpg, txt/],
    [{ jpg: '', txt: ' ' }, undefined, /sample k: there is no caption/],
    [{ jpg: '', json: '{' }, undefined, /k\.json is not JSON/],
    [{ jpg: '', json: '{"caption": [1]}' }, undefined, /a list of texts, in "caption"/],
    [{ jpg: '', json: '[]' }, undefined, /in "caption"/],
  ])('says what is wrong with %j', (files, captionField, message) => {
    const place = captionField === undefined ? {} : { captionField }
    expect(() => captionedSample(sample(files), place)).toThrow(message)
  })
})

describe('img2dataset', () => {
  it('lists finished shards with their counts', async () => {
    const { shards, total, unfinished } = await openImg2dataset(fixture('img2dataset'))
    expect(unfinished).toEqual([])
    expect(total).toEqual({ count: 3, successes: 2, failedToDownload: 1, failedToResize: 0 })
    const samples = await collect(readShardSamples(shards[0]!.tar))
    expect(samples).toHaveLength(total.successes)
  })

  it('names shards without statistics, which are not finished', async () => {
    const own = await mkdtemp(join(folder, 'img2dataset-'))
    await writeFile(join(own, '00000.tar'), await readFile(fixture('img2dataset/00000.tar')))
    const { shards, unfinished } = await openImg2dataset(own)
    expect([shards, unfinished]).toEqual([[], [join(own, '00000.tar')]])
    await writeFile(join(own, '00000_stats.json'), '{"count": -1}')
    await expect(openImg2dataset(own)).rejects.toThrow(/00000_stats\.json\.count: .*>=0/)
    await expect(openImg2dataset(fixture('sbu'))).rejects.toThrow(/no shard of img2dataset/)
  })
})
