import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hubSettings } from '../weights/hub/hubSettings.js'
import type { PullOptions } from '../weights/hub/pullModel.js'
import { readRange } from '../weights/hub/readRange.js'
import { findRepository, type RepositoryFile } from '../weights/hub/repositoryFiles.js'
import { type ModelConfig, readModelConfig } from '../weights/modelDirectory.js'
import { LENGTH_BYTES, parseHeader, parseHeaderLength } from '../weights/safetensors/header.js'
import type { TensorInfo } from '../weights/safetensors/types.js'

/** What the hub tells of a model without its weights. */
export interface HubModel {
  readonly config: ModelConfig
  /** By name, each with its file; undefined where the weights are PyTorch's, whose names are not at a known place. */
  readonly tensors: ReadonlyMap<string, TensorInfo> | undefined
  /** Of all files with weights. */
  readonly weightBytes: number
  readonly weightFiles: readonly string[]
}

const SAFETENSORS = /\.safetensors$/
const CONFIGURATION = /^(config|preprocessor_config|processor_config|generation_config)\.json$/
const WEIGHTS = /\.(safetensors|bin|pth|pt)$/

/**
 * Reads the configuration of a model on the hub and the headers of its safetensors files, by range: some hundred kB.
 * @throws as `pullModel`, and as the model's directory would.
 */
export async function readHubModel(id: string, options: PullOptions = {}): Promise<HubModel> {
  const { revision = 'main', signal } = options
  const settings = { ...(await hubSettings()), ...options.settings }
  const { token } = settings
  const access = { ...(token ? { token } : {}), ...(signal ? { signal } : {}) }
  const { commit, files } = await findRepository(id, revision, settings, signal)
  const addressOf = ({ name }: RepositoryFile) => `${settings.endpoint}/${id}/resolve/${commit}/${name}`
  const weights = files.filter(({ name }) => WEIGHTS.test(name))
  const config = await readConfiguration(
    files.filter(({ name }) => CONFIGURATION.test(name)),
    (file) => readRange(addressOf(file), 0, file.bytes, access),
  )
  const tensors = new Map<string, TensorInfo>()
  for (const file of weights.filter(({ name }) => SAFETENSORS.test(name)))
    for (const [name, info] of await readHeader(file, (start, end) => readRange(addressOf(file), start, end, access)))
      tensors.set(`${file.name} ${name}`, info)
  return {
    config,
    tensors: tensors.size > 0 ? tensors : undefined,
    weightBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    weightFiles: weights.map(({ name }) => name),
  }
}

/** Laid in a folder for as long as they are read. */
async function readConfiguration(
  files: readonly RepositoryFile[],
  read: (file: RepositoryFile) => Promise<Uint8Array>,
): Promise<ModelConfig> {
  const folder = await mkdtemp(join(tmpdir(), 'blip2-hub-'))
  try {
    for (const file of files) await writeFile(join(folder, file.name), await read(file))
    return await readModelConfig(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function readHeader(
  { name, bytes }: RepositoryFile,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Promise<ReadonlyMap<string, TensorInfo>> {
  const length = parseHeaderLength(await read(0, Math.min(LENGTH_BYTES, bytes)), bytes, name)
  return parseHeader(await read(LENGTH_BYTES, LENGTH_BYTES + length), bytes, name).tensors
}
