import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../../errors.js'
import { float32, type Value } from '../../runtime/index.js'
import { readExactly } from '../../weights/readBytes.js'
import { widenHalf } from '../../weights/safetensors/half.js'
import { SafetensorsFile } from '../../weights/safetensors/read.js'
import { checkIdentity, type FeatureIdentity, type FeatureIndex, readFeatureIndex, shardCount } from './featureIndex.js'
import type { FixedViews, ViewPlace } from './fixedViews.js'

interface OpenShard {
  readonly path: string
  readonly handle: FileHandle
  /** Where the features begin. */
  readonly byteOffset: number
}

/**
 * A finished feature cache. Views are read where they lie in their files, through the operating system's page cache:
 * nothing is held in memory.
 */
export class FeatureReader {
  readonly #folder: string
  readonly #index: FeatureIndex
  readonly #open = new Map<number, Promise<OpenShard>>()

  private constructor(folder: string, index: FeatureIndex) {
    this.#folder = folder
    this.#index = index
  }

  /**
   * Compares every shard with its checksum, at about the speed of the disk.
   * @throws ConfigError where the features are of another encoder, preprocessing or data; DataError where the cache is
   * unfinished or damaged.
   */
  static async open(folder: string, wanted: FeatureIdentity): Promise<FeatureReader> {
    const index = await readFeatureIndex(folder)
    if (!index) throw new DataError(`${folder} holds no features; make them with blip2 data cache`)
    checkIdentity(folder, index, wanted)
    if (index.shards.length < shardCount(index))
      throw new DataError(
        `${folder} holds ${index.shards.length} of ${shardCount(index)} shards; finish it with blip2 data cache --resume`,
      )
    for (const { file, sha256 } of index.shards) await checkSum(join(folder, file), sha256)
    return new FeatureReader(folder, index)
  }

  /** Tokens of a view. */
  get tokens(): number {
    return this.#index.tokens
  }

  get views(): FixedViews {
    return this.#index.views
  }

  /** -> float32 [places, tokens, width] */
  async read(places: readonly ViewPlace[]): Promise<Value<'float32'>> {
    const { tokens, width } = this.#index
    const viewSize = tokens * width
    const bits = new Uint16Array(places.length * viewSize)
    await Promise.all(places.map((place, i) => this.#readView(place, bits.subarray(i * viewSize, (i + 1) * viewSize))))
    const values = new Float32Array(bits.length)
    widenHalf('F16', bits, values)
    return float32([places.length, tokens, width], values)
  }

  async close(): Promise<void> {
    const shards = await Promise.all(this.#open.values())
    this.#open.clear()
    await Promise.all(shards.map(({ handle }) => handle.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #readView({ picture, view }: ViewPlace, into: Uint16Array): Promise<void> {
    const { shardPictures, views } = this.#index
    const { handle, byteOffset, path } = await this.#shard(Math.floor(picture / shardPictures))
    const number = (picture % shardPictures) * views.count + view
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
    await readExactly(handle, bytes, byteOffset + number * into.byteLength, path)
  }

  #shard(number: number): Promise<OpenShard> {
    let shard = this.#open.get(number)
    if (!shard) {
      shard = this.#openShard(number)
      this.#open.set(number, shard)
    }
    return shard
  }

  async #openShard(number: number): Promise<OpenShard> {
    const path = join(this.#folder, this.#index.shards[number]!.file)
    await using header = await SafetensorsFile.open(path)
    return { path, handle: await open(path), byteOffset: header.tensor('features').byteOffset }
  }
}

async function checkSum(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Uint8Array)
  } catch (cause) {
    throw new DataError(`cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
  if (hash.digest('hex') !== sha256)
    throw new DataError(`${path} is damaged: its checksum is another one. Make the features anew with blip2 data cache`)
}
