import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { WeightsError } from '../errors.js'
import type { WeightSource } from '../graph/index.js'
import { withFileLock } from './fileLock.js'
import { findWeight, type GraphWeights, heldWeights } from './heldWeights.js'
import { ownNames } from './names/layout.js'
import { assemble, checkTies, loadPlanned } from './names/load.js'
import { type PlannedTensor, planWeights, sourcesOf, type WeightsPlan } from './names/plan.js'
import type { WeightBits } from './quantize/format.js'
import { mapQuantized } from './quantize/open.js'
import { writeQuantized } from './quantize/write.js'
import { SafetensorsFile } from './safetensors/read.js'
import type { TensorTable } from './safetensors/types.js'
import { writeSafetensors } from './safetensors/write.js'

/** Where weights are while a model runs: read into memory, or mapped from their file by the runtime. */
export type WeightPlacement = 'memory' | 'mapped'

/** How far the weights of a part are converted for mapping, or quantised. */
export interface ConversionProgress {
  /** Bytes written, and to write. */
  readonly done: number
  readonly total: number
}

export interface GraphWeightsOptions {
  /** Default: a part of less than 256 MiB is read into memory, where graphs of many sizes run fastest; others are mapped. */
  readonly weights?: WeightPlacement
  /** Where weights that cannot be mapped as they are go as float32, to be mapped from there: 4 bytes a weight, once. */
  readonly cacheDirectory: string
  readonly onConversion?: (progress: ConversionProgress) => void
  /** How weights are quantised while they are converted (default: none is). A file that is quantised is opened as it is. */
  readonly bits?: (name: string) => WeightBits
  readonly signal?: AbortSignal
}

/** Bytes, counted as float32, from which on a part is mapped. */
export const LARGEST_IN_MEMORY = 2 ** 28
const FLOAT_BYTES = 4

/**
 * Makes planned weights ready for graphs. Float32 that lies in one directory is mapped from there, whichever file it is
 * in; half types, stacked tensors and PyTorch's files are converted once, tensor by tensor, and the result is mapped. So
 * no more than one tensor is ever held.
 *
 * @throws WeightsError where tied tensors differ; the file system's error where the cache cannot be written.
 */
export async function openGraphWeights(
  table: TensorTable,
  plan: WeightsPlan,
  options: GraphWeightsOptions,
): Promise<GraphWeights> {
  const { bits } = options
  if (bits && [...plan.tensors.keys()].some((name) => bits(name) < 32))
    return mapConvertedQuantized(table, plan, bits, options)
  const bytes = [...plan.tensors.values()].reduce((total, tensor) => total + bytesOf(tensor), 0)
  const placement = options.weights ?? (bytes < LARGEST_IN_MEMORY ? 'memory' : 'mapped')
  if (placement === 'memory') return heldWeights(await loadPlanned(table, plan))
  return (await mapAsTheyAre(table, plan)) ?? (await mapConverted(table, plan, options))
}

/** Undefined where a tensor has to be converted, or the runtime could not map the files from their directory. */
async function mapAsTheyAre(table: TensorTable, plan: WeightsPlan): Promise<GraphWeights | undefined> {
  const files = new Map<string, string>()
  const places = new Map<string, WeightSource>()
  for (const [name, tensor] of plan.tensors) {
    const { assembly } = tensor
    if (assembly.kind === 'stack') return undefined
    const { file, dtype, byteOffset, strides } = table.tensor(assembly.source)
    const offset = byteOffset + (assembly.kind === 'part' ? assembly.part * bytesOf(tensor) : 0)
    if (dtype !== 'F32' || strides !== undefined || offset % FLOAT_BYTES !== 0) return undefined
    // A cache of Hugging Face's has links to the files, which the runtime does not follow out of the directory.
    const real = files.get(file) ?? (await realpath(file))
    files.set(file, real)
    const place = { kind: 'external', dtype: 'float32', offset, length: bytesOf(tensor) } as const
    places.set(name, { ...place, location: basename(real) })
  }
  const [directory, ...others] = new Set([...files.values()].map(dirname))
  // The runtime reads the graph from a file beside the weights.
  if (directory === undefined || others.length > 0 || !(await isWritable(directory))) return undefined
  await checkTies(table, plan)
  return { weight: (name) => findWeight(places, name), weightDirectory: directory, prepack: false }
}

async function mapConverted(
  table: TensorTable,
  plan: WeightsPlan,
  { cacheDirectory, onConversion, signal }: GraphWeightsOptions,
): Promise<GraphWeights> {
  const directory = join(cacheDirectory, 'float32')
  const path = join(directory, `${await fingerprint(table, plan)}.safetensors`)
  await makeOnce(path, signal, async () => {
    await checkTies(table, plan)
    const total = [...plan.tensors.values()].reduce((sum, tensor) => sum + bytesOf(tensor), 0)
    let done = 0
    const read = async (tensor: PlannedTensor) => {
      signal?.throwIfAborted()
      onConversion?.({ done, total })
      done += bytesOf(tensor)
      return assemble(table, tensor)
    }
    const tensors = [...plan.tensors].map(([name, tensor]) => {
      return [name, { shape: tensor.shape, dtype: 'F32' as const, read: () => read(tensor) }] as const
    })
    await writeSafetensors(path, new Map(tensors))
    onConversion?.({ done, total })
  })
  await using converted = await SafetensorsFile.open(path)
  const shapes = new Map([...plan.tensors].map(([name, { shape }]) => [name, shape]))
  const mapped = await mapAsTheyAre(converted, planWeights(converted, ownNames, shapes))
  if (mapped === undefined)
    throw new WeightsError(`${path}: cannot be mapped; remove it, and see that ${directory} is writable`)
  return mapped
}

async function mapConvertedQuantized(
  table: TensorTable,
  plan: WeightsPlan,
  bits: (name: string) => WeightBits,
  { cacheDirectory, onConversion, signal }: GraphWeightsOptions,
): Promise<GraphWeights> {
  const directory = join(cacheDirectory, 'quantized')
  const weights = [...plan.tensors].map(([name, tensor]) => {
    return { name, shape: tensor.shape, bits: bits(name), read: () => assemble(table, tensor) }
  })
  const forms = weights.map((weight) => weight.bits)
  const path = join(directory, `${await fingerprint(table, plan, forms)}.safetensors`)
  await makeOnce(path, signal, async () => {
    await checkTies(table, plan)
    await writeQuantized(path, weights, {
      ...(signal ? { signal } : {}),
      ...(onConversion ? { onProgress: (done, total) => onConversion({ done, total }) } : {}),
    })
  })
  await using converted = await SafetensorsFile.open(path)
  return await mapQuantized(converted, plan.tensors)
}

/** Makes a file of the cache that is missing. Of several threads and processes one does, while the others wait for it. */
async function makeOnce(path: string, signal: AbortSignal | undefined, make: () => Promise<void>): Promise<void> {
  if (await exists(path)) return
  await mkdir(dirname(path), { recursive: true })
  const unlessMade = async () => {
    if (!(await exists(path))) await make()
  }
  await withFileLock(`${path}.lock`, unlessMade, signal ? { signal } : {})
}

/** Counts up when converted files change their form, or quantisation its numbers: older ones are not opened then. */
const CONVERSION = 1

/** Of the files as they are now, of what is taken from them, and of what it becomes. */
async function fingerprint(table: TensorTable, plan: WeightsPlan, forms: readonly WeightBits[] = []): Promise<string> {
  const sources = [...plan.tensors.values()].flatMap(({ assembly }) => sourcesOf(assembly))
  const files = [...new Set(sources.map((source) => table.tensor(source).file))].sort()
  const states = await Promise.all(
    files.map(async (file) => {
      const real = await realpath(file)
      const { size, mtimeMs } = await stat(real)
      return [real, size, mtimeMs]
    }),
  )
  return createHash('sha256')
    .update(JSON.stringify([CONVERSION, states, [...plan.tensors], forms]))
    .digest('hex')
    .slice(0, 32)
}

const bytesOf = ({ shape }: PlannedTensor): number => FLOAT_BYTES * shape.reduce((product, size) => product * size, 1)

const isWritable = (directory: string): Promise<boolean> =>
  access(directory, constants.W_OK).then(
    () => true,
    () => false,
  )

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
