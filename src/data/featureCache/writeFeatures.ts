import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, DataError } from '../../errors.js'
import type { AugmentOptions } from '../../image/augment.js'
import { narrowHalf } from '../../weights/safetensors/half.js'
import { writeSafetensors } from '../../weights/safetensors/write.js'
import type { CaptionedPictures } from '../captionedPictures.js'
import { mapAhead } from '../mapAhead.js'
import { createViewWriter } from '../pictureViews.js'
import {
  checkIdentity,
  type FeatureIdentity,
  type FeatureIndex,
  readFeatureIndex,
  shardCount,
  writeFeatureIndex,
} from './featureIndex.js'
import { type FixedViews, viewRandom } from './fixedViews.js'

/** What is encoded, and how. */
export interface FeatureInput {
  readonly pictures: CaptionedPictures
  readonly augment: AugmentOptions
  readonly identity: FeatureIdentity
  /** Shape of the features of one view. */
  readonly tokens: number
  readonly width: number
  /** Views that `encode` takes at a time. */
  readonly batch: number
  /** images: [batch, 3, size, size], normalised -> [batch, tokens, width]; may be overwritten by the next call. */
  readonly encode: (images: Float32Array) => Promise<Float32Array>
}

export interface WriteFeaturesOptions {
  readonly views: FixedViews
  /** Go on after the last finished shard. Default false. */
  readonly resume?: boolean
  /**
   * Pictures of a shard: what a run that is killed does again at most. Default: what 256 MiB hold, more where there would
   * be over 500 shards (4 GiB at most: a shard is held in memory while it is made, and all are open while it is read).
   */
  readonly shardPictures?: number
  readonly onProgress?: (views: number, total: number) => void
  readonly signal?: AbortSignal
}

const SHARD_BYTES = { least: 2 ** 28, most: 2 ** 32 }
const SHARDS = 500
const LARGEST_FLOAT16 = 65_504

/**
 * Writes the features of fixed views of every picture as float16, in safetensors shards with checksums, see FeatureIndex.
 *
 * @throws ConfigError where the folder holds features and `resume` is false, or features of something else; DataError
 * for features beyond float16's range.
 */
export async function writeFeatures(
  folder: string,
  input: FeatureInput,
  { views, resume = false, shardPictures, onProgress, signal }: WriteFeaturesOptions,
): Promise<FeatureIndex> {
  const { pictures, identity, tokens, width } = input
  const viewBytes = 2 * tokens * width
  const fresh: FeatureIndex = {
    format: 'blip2-features',
    version: 1,
    dtype: 'F16',
    tokens,
    width,
    pictures: pictures.length,
    views,
    shardPictures: shardPictures ?? picturesOfShard(pictures.length, views.count * viewBytes),
    ...identity,
    shards: [],
  }
  let index = await begin(folder, fresh, resume)
  for (let shard = index.shards.length; shard < shardCount(index); shard++) {
    const first = shard * index.shardPictures
    const last = Math.min(first + index.shardPictures, pictures.length)
    const data = new Uint16Array(((last - first) * views.count * viewBytes) / 2)
    const done = (own: number) => onProgress?.(first * views.count + own, pictures.length * views.count)
    await encodeViews(input, views, { first, last }, data, done, signal)
    const file = `features-${String(shard).padStart(5, '0')}.safetensors`
    const hash = createHash('sha256')
    const shape = [(last - first) * views.count, tokens, width]
    await writeSafetensors(join(folder, file), new Map([['features', { shape, data, dtype: 'F16' }]]), {
      onBytes: (bytes) => hash.update(bytes),
    })
    index = { ...index, shards: [...index.shards, { file, sha256: hash.digest('hex') }] }
    await writeFeatureIndex(folder, index)
  }
  return index
}

function picturesOfShard(pictures: number, pictureBytes: number): number {
  const bytes = Math.min(SHARD_BYTES.most, Math.max(SHARD_BYTES.least, (pictures * pictureBytes) / SHARDS))
  return Math.max(1, Math.floor(bytes / pictureBytes))
}

async function begin(folder: string, fresh: FeatureIndex, resume: boolean): Promise<FeatureIndex> {
  await mkdir(folder, { recursive: true })
  const found = await readFeatureIndex(folder)
  if (!found) {
    await writeFeatureIndex(folder, fresh)
    return fresh
  }
  if (!resume) throw new ConfigError(`${folder} holds features already; go on with --resume, or give another folder`)
  checkIdentity(folder, found, fresh)
  const { count, seed } = found.views
  if (count !== fresh.views.count || seed !== fresh.views.seed)
    throw new ConfigError(`${folder} holds ${count} views a picture of seed ${seed}; go on with these`)
  return found
}

/** Encodes all views of some pictures, one after another, into `data` as float16. */
async function encodeViews(
  { pictures, augment, batch, tokens, width, encode }: FeatureInput,
  views: FixedViews,
  { first, last }: { readonly first: number; readonly last: number },
  data: Uint16Array,
  onDone: (views: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const writeView = createViewWriter(pictures, augment)
  const pixels = 3 * augment.size * augment.size
  const images = new Float32Array(batch * pixels)
  const total = (last - first) * views.count
  const viewSize = tokens * width
  const pictureOf = (view: number) => first + Math.floor(view / views.count)
  const numbers = Array.from({ length: Math.ceil(total / batch) }, (_, i) => i * batch)
  const loaded = mapAhead(numbers, 2, (start) => {
    const [from, to] = [pictureOf(start), pictureOf(Math.min(start + batch, total) - 1)]
    return Promise.all(Array.from({ length: to - from + 1 }, async (_, i) => pictures.picture(from + i)))
  })
  let start = 0
  for await (const batchPictures of loaded) {
    signal?.throwIfAborted()
    const count = Math.min(batch, total - start)
    for (let i = 0; i < count; i++) {
      const picture = pictureOf(start + i)
      const random = viewRandom(views, { picture, view: (start + i) % views.count })
      const pixelsOf = batchPictures[picture - pictureOf(start)]!
      writeView(picture, pixelsOf, random, images, i * pixels)
    }
    const features = (await encode(images)).subarray(0, count * viewSize)
    const bad = features.find((value) => !(Math.abs(value) <= LARGEST_FLOAT16))
    if (bad !== undefined) throw new DataError(`a feature is ${bad}, which float16 cannot hold; use the encoder itself`)
    narrowHalf('F16', features, data.subarray(start * viewSize))
    onDone(start + count)
    start += batch
  }
}
