import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { WeightsError } from '../errors.js'
import { findDuplicateKey } from './safetensors/duplicateKey.js'
import type { TensorInfo, TensorTable } from './safetensors/types.js'
import { findTensor } from './tensorAccess.js'

type WeightFile = TensorTable & AsyncDisposable

/** A kind of file that weights lie in. */
export interface WeightFormat {
  readonly extension: '.safetensors' | '.bin'
  readonly open: (path: string) => Promise<WeightFile>
}

/**
 * The files of one format in a directory as one table: the shards that `*EXTENSION.index.json` lists where there is one,
 * and every file with the extension otherwise. Close it after use, or declare it with `await using`.
 */
export class WeightFiles implements TensorTable {
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly #files: ReadonlyMap<string, WeightFile>

  private constructor(path: string, tensors: ReadonlyMap<string, TensorInfo>, files: readonly WeightFile[]) {
    this.path = path
    this.tensors = tensors
    this.#files = new Map(files.map((file) => [file.path, file]))
  }

  /** Throws a WeightsError where files are missing or broken, a name is held twice, or the index is not kept. */
  static async open(path: string, { extension, open }: WeightFormat): Promise<WeightFiles> {
    const names = await readdir(path).catch((cause: unknown) => {
      throw new WeightsError(`${path}: cannot list the weights directory`, { cause })
    })
    const index = await readIndex(path, names, extension)
    const shards = index === undefined ? weightFiles(path, names, extension) : [...new Set(index.values())].sort()
    const files: WeightFile[] = []
    try {
      for (const shard of shards) files.push(await open(join(path, shard)))
      return new WeightFiles(path, mergeTensors(path, files, index), files)
    } catch (error) {
      await closeAll(files)
      throw error
    }
  }

  tensor(name: string): TensorInfo {
    return findTensor(this, name)
  }

  readFloat32(name: string, into?: Float32Array): Promise<Float32Array> {
    return this.#fileOf(name).readFloat32(name, into)
  }

  readInt64(name: string): Promise<BigInt64Array> {
    return this.#fileOf(name).readInt64(name)
  }

  readRaw(name: string): Promise<Uint8Array> {
    return this.#fileOf(name).readRaw(name)
  }

  async close(): Promise<void> {
    await closeAll([...this.#files.values()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #fileOf(name: string): WeightFile {
    return this.#files.get(this.tensor(name).file)!
  }
}

const closeAll = (files: readonly WeightFile[]) => Promise.all(files.map((file) => file[Symbol.asyncDispose]()))

function weightFiles(path: string, names: readonly string[], extension: string): string[] {
  const files = names.filter((name) => name.endsWith(extension)).sort()
  if (files.length === 0) throw new WeightsError(`${path}: no ${extension} file in this directory`)
  return files
}

/** Tensor name to shard file name, as the directory's index says; undefined where there is no index. */
async function readIndex(
  path: string,
  names: readonly string[],
  extension: string,
): Promise<Map<string, string> | undefined> {
  const indexes = names.filter((name) => name.endsWith(`${extension}.index.json`))
  const [name] = indexes
  if (name === undefined) return undefined
  if (indexes.length > 1)
    throw new WeightsError(`${path}: expected one index of the shards, found ${indexes.join(', ')}`)
  const file = join(path, name)
  let json: { weight_map?: unknown } | null
  let text: string
  try {
    text = await readFile(file, 'utf8')
    json = JSON.parse(text)
  } catch (cause) {
    throw new WeightsError(`${file}: the index is not valid JSON`, { cause })
  }
  const duplicate = findDuplicateKey(text)
  if (duplicate !== undefined)
    throw new WeightsError(`${file}: the index holds the key ${JSON.stringify(duplicate)} twice`)
  const map = json?.weight_map
  if (typeof map !== 'object' || map === null || Object.keys(map).length === 0)
    throw new WeightsError(`${file}: the index has no weight_map`)
  return new Map(Object.entries(map).map(([tensor, shard]) => [tensor, shardName(file, tensor, shard, extension)]))
}

/** A shard lies beside its index: a path would let an index read anything on the machine. */
function shardName(file: string, tensor: string, shard: unknown, extension: string): string {
  if (typeof shard === 'string' && shard.endsWith(extension) && basename(shard) === shard && !shard.includes('\\'))
    return shard
  throw new WeightsError(
    `${file}: tensor ${JSON.stringify(tensor)} is said to be in ${JSON.stringify(shard)}; expected the name of a ${extension} file in the same directory`,
  )
}

function mergeTensors(
  path: string,
  files: readonly WeightFile[],
  index: ReadonlyMap<string, string> | undefined,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>()
  for (const file of files)
    for (const [name, info] of file.tensors) {
      const other = tensors.get(name)
      if (other !== undefined)
        throw new WeightsError(
          `${path}: tensor ${JSON.stringify(name)} is in ${basename(other.file)} and in ${basename(info.file)}`,
        )
      tensors.set(name, info)
    }
  for (const [name, shard] of index ?? []) {
    const info = tensors.get(name)
    if (info === undefined || basename(info.file) !== shard)
      throw new WeightsError(
        `${path}: the index says tensor ${JSON.stringify(name)} is in ${shard}, but it is not there`,
      )
  }
  return tensors
}
