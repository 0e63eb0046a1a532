import { type FileHandle, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { WeightsError } from '../errors.js'
import type { StoredValues, WeightSource } from '../graph/index.js'
import type { GraphWeights } from '../weights/heldWeights.js'

/** Bytes copied at a time. */
const COPY_BYTES = 1 << 26
/** Tensors begin at a multiple of this, as the runtime's kernels like their memory. */
const ALIGNMENT = 64

/**
 * A file of ONNX external data that weights are copied to, each once, however many graphs read it. Close it after use, or
 * declare it with `await using`.
 */
export class ExternalData {
  readonly #file: FileHandle
  readonly #location: string
  readonly #weights: GraphWeights
  readonly #placed = new Map<string, Promise<WeightSource>>()
  #end = 0

  private constructor(file: FileHandle, location: string, weights: GraphWeights) {
    this.#file = file
    this.#location = location
    this.#weights = weights
  }

  static async create(path: string, weights: GraphWeights): Promise<ExternalData> {
    return new ExternalData(await open(path, 'wx'), basename(path), weights)
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#end
  }

  /** Copies a weight, if that was not done yet. -> where it is now */
  place(name: string): Promise<WeightSource> {
    let placed = this.#placed.get(name)
    if (placed === undefined) {
      placed = this.#copyWeight(name, this.#weights.weight(name))
      this.#placed.set(name, placed)
    }
    return placed
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #copyWeight(name: string, source: WeightSource): Promise<WeightSource> {
    if (source.kind === 'input') throw new WeightsError(`the weight ${name} has no values to export`)
    if (source.kind !== 'quantized') return await this.#copy(source)
    const { values, scales, zeroPoints } = source
    return {
      ...source,
      values: await this.#copy(values),
      scales: await this.#copy(scales),
      ...(zeroPoints ? { zeroPoints: await this.#copy(zeroPoints) } : {}),
    }
  }

  async #copy(source: StoredValues): Promise<StoredValues> {
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT
    const length = source.kind === 'embedded' ? source.bytes.byteLength : source.length
    this.#end = offset + length
    if (source.kind === 'embedded') await this.#write(source.bytes, offset)
    else await this.#copyRange(join(this.#weights.weightDirectory!, source.location), source.offset, length, offset)
    return { kind: 'external', dtype: source.dtype, location: this.#location, offset, length }
  }

  async #copyRange(path: string, from: number, length: number, to: number): Promise<void> {
    const file = await open(path, 'r')
    try {
      const buffer = new Uint8Array(Math.min(COPY_BYTES, length))
      for (let done = 0; done < length; ) {
        const wanted = Math.min(buffer.byteLength, length - done)
        const { bytesRead } = await file.read(buffer, 0, wanted, from + done)
        if (bytesRead === 0) throw new WeightsError(`${path}: ends before byte ${from + length}; it changed meanwhile`)
        await this.#write(buffer.subarray(0, bytesRead), to + done)
        done += bytesRead
      }
    } finally {
      await file.close()
    }
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; )
      done += (await this.#file.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten
  }
}
