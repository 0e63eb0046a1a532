import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../replaceFile.js'
import type { SafetensorsDtype } from '../safetensors/types.js'
import { syncDirectory } from '../safetensors/write.js'
import { type Bits, blobBytes, blocksOf, quantizeMatrix, zeroPointBytes } from './blocks.js'
import { scalesOf, storedBytes, type WeightBits, zeroPointsOf } from './format.js'

/** A weight on its way into a quantised file. */
export interface WeightToQuantize {
  readonly name: string
  readonly shape: readonly number[]
  readonly bits: WeightBits
  readonly read: () => Promise<Float32Array>
}

export interface QuantizedWeightReport {
  readonly name: string
  readonly bits: Bits
  readonly symmetric: boolean
  /** Root of the mean square error of the weights over their own, on a sample of the rows. */
  readonly error: number
}

export interface QuantizeOptions {
  readonly signal?: AbortSignal
  /** Bytes written so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Writes weights to a safetensors file as `format.ts` says, one at a time, as a whole or not at all.
 * @returns what became of each weight that was quantised
 */
export async function writeQuantized(
  path: string,
  weights: readonly WeightToQuantize[],
  { signal, onProgress }: QuantizeOptions = {},
): Promise<QuantizedWeightReport[]> {
  const report: QuantizedWeightReport[] = []
  const total = weights.reduce((sum, { shape, bits }) => sum + storedBytes(shape, bits), 0)
  await replaceFile(path, async (file) => {
    const writer = new AppendingWriter(file, headerRoom(weights))
    // Whole blocks and floats are multiples of 4 bytes, so all floats are aligned; zero points are not, and come last.
    const zeroPoints: [name: string, shape: readonly number[], bytes: Uint8Array][] = []
    let done = 0
    for (const { name, shape, bits, read } of weights) {
      signal?.throwIfAborted()
      onProgress?.(done, total)
      const values = await read()
      if (bits === 32) await writer.append(name, 'F32', shape, bytesOf(values))
      else {
        const [rows, columns] = shape as [number, number]
        const { matrix, error } = quantizeMatrix(values, { rows, columns }, bits)
        const blocks = blocksOf(columns)
        await writer.append(name, 'U8', [rows, blocks, blobBytes(bits)], matrix.values)
        await writer.append(scalesOf(name), 'F32', [rows, blocks], bytesOf(matrix.scales))
        if (matrix.zeroPoints)
          zeroPoints.push([zeroPointsOf(name), [rows, zeroPointBytes(columns, bits)], matrix.zeroPoints])
        report.push({ name, bits, symmetric: matrix.zeroPoints === undefined, error })
      }
      done += storedBytes(shape, bits)
    }
    for (const [name, shape, bytes] of zeroPoints) await writer.append(name, 'U8', shape, bytes)
    await writer.writeHeader()
    onProgress?.(total, total)
  })
  await syncDirectory(dirname(path))
  return report
}

type HeaderEntry = { dtype: SafetensorsDtype; shape: readonly number[]; data_offsets: [number, number] }

/** Tensors first, the header when it is known which there are: the room for it is filled up with spaces. */
class AppendingWriter {
  readonly #file: FileHandle
  readonly #room: number
  readonly #header: Record<string, HeaderEntry> = {}
  #bytes = 0

  constructor(file: FileHandle, room: number) {
    this.#file = file
    this.#room = room
  }

  async append(name: string, dtype: SafetensorsDtype, shape: readonly number[], bytes: Uint8Array): Promise<void> {
    this.#header[name] = { dtype, shape, data_offsets: [this.#bytes, this.#bytes + bytes.byteLength] }
    await this.#write(bytes, this.#room + this.#bytes)
    this.#bytes += bytes.byteLength
  }

  async writeHeader(): Promise<void> {
    const bytes = new Uint8Array(this.#room).fill(0x20)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(this.#room - LENGTH_BYTES), true)
    bytes.set(new TextEncoder().encode(JSON.stringify(this.#header)), LENGTH_BYTES)
    await this.#write(bytes, 0)
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      const length = Math.min(WRITE_BYTES, bytes.byteLength - done)
      done += (await this.#file.write(bytes, done, length, position + done)).bytesWritten
    }
  }
}

const LENGTH_BYTES = 8
const WRITE_BYTES = 1 << 26
/** More than the JSON of three tensors has beside their names: types, shapes, and offsets of 16 digits. */
const ENTRY_ROOM = 3 * 160

/** Bytes in front of the tensors, a multiple of 8. */
const headerRoom = (weights: readonly WeightToQuantize[]): number =>
  8 * Math.ceil((LENGTH_BYTES + 2 + weights.reduce((sum, { name }) => sum + 3 * name.length + ENTRY_ROOM, 0)) / 8)

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
