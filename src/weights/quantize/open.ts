import { realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { WeightsError } from '../../errors.js'
import type { QuantizedValues, StoredValues, WeightSource } from '../../graph/index.js'
import { findWeight, type GraphWeights } from '../heldWeights.js'
import type { WantedWeights, WeightStream } from '../modelParts.js'
import { refuseMisfit } from '../safetensors/strict.js'
import type { TensorInfo, TensorTable } from '../safetensors/types.js'
import {
  type Bits,
  BLOCK_SIZE,
  blobBytes,
  blocksOf,
  dequantizeMatrix,
  type MatrixSize,
  zeroPointBytes,
} from './blocks.js'
import { scalesOf, zeroPointsOf } from './format.js'

/** Whether a file holds quantised weights. */
export const isQuantized = ({ tensors }: Pick<TensorTable, 'tensors'>): boolean =>
  [...tensors].some(([name, { dtype }]) => dtype === 'U8' && tensors.has(scalesOf(name)))

/**
 * The weights of one file for graphs that run, mapped from it by the runtime, which repacks what it multiplies: its
 * kernels for few bits need that, and let go of the pages of the file. Missing, unexpected and wrongly shaped
 * tensors are listed in one WeightsError.
 */
export async function mapQuantized(table: TensorTable, wanted: WantedWeights): Promise<GraphWeights> {
  const found = findStored(table, wanted)
  const paths = new Map<string, string>()
  for (const { file } of table.tensors.values()) if (!paths.has(file)) paths.set(file, await realpath(file))
  const map = ({ dtype, file, byteOffset, byteLength }: TensorInfo): StoredValues => ({
    kind: 'external',
    dtype: dtype === 'U8' ? 'uint8' : 'float32',
    location: basename(paths.get(file)!),
    offset: byteOffset,
    length: byteLength,
  })
  const sources = new Map<string, WeightSource>()
  for (const [name, stored] of found) sources.set(name, sourceOf(stored, map))
  const [path] = paths.values()
  return { weight: (name) => findWeight(sources, name), weightDirectory: dirname(path!), prepack: true }
}

/** The same weights as float32, as they compute. */
export async function loadQuantized(table: TensorTable, wanted: WantedWeights): Promise<Map<string, Float32Array>> {
  const loaded = new Map<string, Float32Array>()
  for (const [name, stored] of findStored(table, wanted)) loaded.set(name, await widened(table, name, stored))
  return loaded
}

/** The same one at a time. The table is closed with the stream, or where it does not hold what is wanted. */
export async function streamQuantized(
  table: TensorTable & AsyncDisposable,
  wanted: WantedWeights,
): Promise<WeightStream> {
  try {
    const found = findStored(table, wanted)
    return {
      names: [...found.keys()],
      isQuantized: true,
      read: (name) => {
        const stored = found.get(name)
        if (!stored) throw new WeightsError(`${table.path}: ${JSON.stringify(name)} is none of the weights wanted`)
        return widened(table, name, stored)
      },
      [Symbol.asyncDispose]: () => table[Symbol.asyncDispose](),
    }
  } catch (error) {
    await table[Symbol.asyncDispose]()
    throw error
  }
}

async function widened(table: TensorTable, name: string, stored: Stored): Promise<Float32Array> {
  if (stored.bits === 32) return table.readFloat32(name)
  return dequantizeMatrix({
    bits: stored.bits,
    ...stored.size,
    values: await table.readRaw(name),
    scales: await table.readFloat32(scalesOf(name)),
    ...(stored.zeroPoints ? { zeroPoints: await table.readRaw(zeroPointsOf(name)) } : {}),
  })
}

type Stored =
  | { readonly bits: 32; readonly values: TensorInfo }
  | {
      readonly bits: Bits
      readonly size: MatrixSize
      readonly values: TensorInfo
      readonly scales: TensorInfo
      readonly zeroPoints?: TensorInfo
    }

function sourceOf(stored: Stored, map: (info: TensorInfo) => StoredValues): WeightSource {
  if (stored.bits === 32) return map(stored.values)
  const { bits, values, scales, zeroPoints } = stored
  const quantized: QuantizedValues = {
    kind: 'quantized',
    bits,
    blockSize: BLOCK_SIZE,
    values: map(values),
    scales: map(scales),
    ...(zeroPoints ? { zeroPoints: map(zeroPoints) } : {}),
  }
  return quantized
}

function findStored(table: TensorTable, wanted: WantedWeights): Map<string, Stored> {
  const found = new Map<string, Stored>()
  const missing: string[] = []
  const wrongShape: string[] = []
  const used = new Set<string>()
  for (const [name, { shape }] of wanted) {
    const values = table.tensors.get(name)
    if (values === undefined) {
      missing.push(name)
      continue
    }
    const stored = storedAs(table, name, values, shape)
    for (const part of [name, scalesOf(name), zeroPointsOf(name)]) used.add(part)
    if (stored === undefined)
      wrongShape.push(`${name} (expected [${shape.join(', ')}], found ${values.dtype} [${values.shape.join(', ')}])`)
    else found.set(name, stored)
  }
  const unexpected = [...table.tensors.keys()].filter((name) => !used.has(name))
  refuseMisfit(table.path, { missing, unexpected, 'wrong shape': wrongShape })
  return found
}

/** Undefined where the tensors are not a weight of this shape. */
function storedAs(
  { tensors }: TensorTable,
  name: string,
  values: TensorInfo,
  shape: readonly number[],
): Stored | undefined {
  const is = (info: TensorInfo | undefined, dtype: string, sizes: readonly number[]) =>
    info?.dtype === dtype && info.shape.join() === sizes.join()
  const [scales, zeroPoints] = [tensors.get(scalesOf(name)), tensors.get(zeroPointsOf(name))]
  if (is(values, 'F32', shape)) return scales || zeroPoints ? undefined : { bits: 32, values }
  const [rows, columns] = shape
  if (shape.length !== 2 || rows === undefined || columns === undefined) return undefined
  const blocks = blocksOf(columns)
  const bits = ([4, 8] as const).find((count) => is(values, 'U8', [rows, blocks, blobBytes(count)]))
  if (bits === undefined || scales === undefined || !is(scales, 'F32', [rows, blocks])) return undefined
  if (zeroPoints && !is(zeroPoints, 'U8', [rows, zeroPointBytes(columns, bits)])) return undefined
  return { bits, size: { rows, columns }, values, scales, ...(zeroPoints ? { zeroPoints } : {}) }
}
