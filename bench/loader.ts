import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { FeatureReader } from '../src/data/featureCache/featureReader.js'
import { writeFeatures } from '../src/data/featureCache/writeFeatures.js'
import { MixtureLoader } from '../src/data/loader/mixtureLoader.js'
import { parseMixture } from '../src/data/loader/mixtureSpec.js'
import { randomCrop } from '../src/data/loader/randomCrop.js'
import { ViewThreads } from '../src/data/loader/viewThreads.js'
import { TAR_END, tarMember } from '../src/data/webdataset/tarWriter.js'
import { Random } from '../src/train/random/random.js'
import type { Benchmark } from './main.js'
import { median } from './measure.js'

const PICTURES = 200
const [WIDTH, HEIGHT] = [500, 375]
const SIZE = 224
const VIEWS = 400
const ROUNDS = 5
/** Pictures in work at a time: enough to keep both sides busy. */
const AT_A_TIME = 8
const THREADS = 2

/**
 * Training views a second of JPEG pictures of 500 x 375, from tar shards through the whole loader to normalised tensors
 * of 224 x 224, beside sharp alone doing the same crops and resizes from memory. Then features of ViT-L from a cache.
 */
export const bench: Benchmark = async (note) => {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-bench-loader-'))
  const threads = new ViewThreads({ size: SIZE, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }, THREADS)
  try {
    const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, i) => photograph(i)))
    await writeShards(folder, pictures)
    note(`made ${PICTURES} pictures of ${Math.round(pictures[0]!.length / 1024)} KiB`)
    const sources = [{ name: 'bench', format: 'webdataset', shards: join(folder, '{0..3}.tar') }]
    const loader = await MixtureLoader.open(parseMixture({ sources }, folder), threads.load, {
      seed: 1,
      picturesAhead: AT_A_TIME,
      bufferSamples: 100,
    })
    const load = async () => {
      for (let i = 0; i < VIEWS; i++) threads.recycle((await loader.next()).result)
    }
    const [ours, alone]: [number[], number[]] = [[], []]
    await load()
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await rate(VIEWS, load))
      alone.push(await rate(VIEWS, () => sharpAlone(pictures, VIEWS)))
      note(`loader ${Math.round(ours.at(-1)!)}, sharp alone ${Math.round(alone.at(-1)!)} views a second`)
    }
    await loader.close()
    const featureViewsPerSecond = await benchFeatures(join(folder, 'features'))
    return {
      loaderPerSecond: median(ours),
      sharpPerSecond: median(alone),
      ratio: median(ours.map((each, i) => each / alone[i]!)),
      featureViewsPerSecond,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    }
  } finally {
    await threads.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Soft shapes with fine noise: compresses to about what a photograph of this size takes. */
async function photograph(seed: number): Promise<Buffer> {
  const random = new Random(seed, 'photograph')
  const rgb = Buffer.alloc(WIDTH * HEIGHT * 3)
  const waves = Array.from({ length: 3 }, () => [random.uniform() / 20, random.uniform() / 20, random.uniform() * 6])
  let noise = seed
  for (let i = 0; i < rgb.length; i++) {
    const [x, y, phase] = waves[i % 3]!
    const pixel = Math.floor(i / 3)
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0
    rgb[i] = 128 + 80 * Math.sin((pixel % WIDTH) * x! + Math.floor(pixel / WIDTH) * y! + phase!) + (noise >>> 27)
  }
  return sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer()
}

async function writeShards(folder: string, pictures: readonly Buffer[]): Promise<void> {
  for (let shard = 0; shard < 4; shard++) {
    const members = pictures.flatMap((picture, i) =>
      i % 4 === shard ? [tarMember(`${i}.jpg`, picture), tarMember(`${i}.txt`, Buffer.from('a picture'))] : [],
    )
    await writeFile(join(folder, `${shard}.tar`), Buffer.concat([...members, TAR_END]))
  }
}

async function sharpAlone(pictures: readonly Buffer[], views: number): Promise<void> {
  const random = new Random(2)
  let next = 0
  const work = async () => {
    while (next < views) {
      const picture = pictures[next++ % pictures.length]!
      const crop = randomCrop({ width: WIDTH, height: HEIGHT }, [0.5, 1], () => random.uniform())
      await sharp(picture).extract(crop).resize(SIZE, SIZE, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer()
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
}

const rate = async (count: number, work: () => Promise<void>): Promise<number> => {
  const start = performance.now()
  await work()
  return (count * 1000) / (performance.now() - start)
}

/** Batches of 100 views of ViT-L/14 at 224 pixels, in any order, from a cache that the page cache holds. */
async function benchFeatures(folder: string): Promise<number> {
  const [tokens, width, count, batch] = [257, 1024, 200, 100]
  const identity = { encoder: '0'.repeat(64), preprocessing: '0'.repeat(64), data: '0'.repeat(64) }
  const features = new Float32Array(tokens * width).map((_, i) => Math.sin(i))
  const pictures = {
    length: count,
    picture: () => ({ rgba: new Uint8Array(4), size: 1 }),
    mayMirror: () => false,
    captions: () => ['a picture'],
    imageId: (index: number) => index,
  }
  const augment = { size: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const
  const input = { pictures, augment, identity, tokens, width, batch: 1, encode: async () => features }
  await writeFeatures(folder, input, { views: { count: 1, seed: 0 } })
  await using reader = await FeatureReader.open(folder, identity)
  const random = new Random(3)
  const read = async () => {
    await reader.read(Array.from({ length: batch }, () => ({ picture: random.integer(count), view: 0 })))
  }
  await read()
  const rates: number[] = []
  for (let round = 0; round < ROUNDS; round++) rates.push(await rate(batch, read))
  return median(rates)
}
