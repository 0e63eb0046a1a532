import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { CheckpointError } from '../../errors.js'
import { SafetensorsFile } from '../../weights/safetensors/read.js'
import { checkTensors, loadStrict } from '../../weights/safetensors/strict.js'
import {
  checkpointName,
  LATEST_FILE,
  MANIFEST_FILE,
  type Manifest,
  OPTIMIZER_FILE,
  parseManifest,
  stepOfName,
  WEIGHTS_FILE,
} from './manifest.js'

/** A tensor to restore in place. */
export interface TensorToRestore {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface TensorReader extends AsyncDisposable {
  readonly read: (name: string) => Promise<Float32Array>
}

/** A checkpoint whose files were all found as they were written. */
export interface Checkpoint {
  readonly path: string
  readonly step: number
  readonly configHash: string
  readonly state: Readonly<Record<string, unknown>>
  /** Fills the arrays; throws a WeightsError where names or shapes differ from what was saved. */
  restoreWeights(into: ReadonlyMap<string, TensorToRestore>): Promise<void>
  restoreOptimizer(into: ReadonlyMap<string, TensorToRestore>): Promise<void>
  /** Reads the optimiser's tensors one by one; throws a WeightsError where names or shapes differ from these. */
  openOptimizer(shapes: ReadonlyMap<string, { readonly shape: readonly number[] }>): Promise<TensorReader>
}

export interface LoadOptions {
  /** Refuse a checkpoint made with another configuration than this hash. */
  readonly configHash?: string
}

export interface LoadLatestOptions extends LoadOptions {
  /** Told what is wrong with the latest checkpoint, and that the newest whole one is loaded in its place. */
  readonly onDamaged?: (notice: string) => void
}

/**
 * The checkpoint that `latest` of a training directory names, verified; undefined where the directory holds none. Where
 * it is missing, truncated or altered, the newest whole one is loaded if `onDamaged` is there to be told; otherwise a
 * CheckpointError names it: nothing is resumed from an older state without a word.
 */
export async function loadLatestCheckpoint(
  directory: string,
  { onDamaged, ...options }: LoadLatestOptions = {},
): Promise<Checkpoint | undefined> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]
    throw new CheckpointError(`cannot list ${directory}`, { cause: error })
  })
  const steps = names.map(stepOfName).filter((step) => step !== undefined)
  if (steps.length === 0 && !names.includes(LATEST_FILE)) return undefined
  try {
    return await loadCheckpoint(await latestOf(directory, names), options)
  } catch (error) {
    if (!(error instanceof DamagedCheckpointError)) throw error
    const whole = await newestWhole(directory, steps)
    if (whole === undefined)
      throw new CheckpointError(
        `${error.message}. No other whole checkpoint is there: begin again in an empty directory`,
        {
          cause: error,
        },
      )
    if (!onDamaged)
      throw new CheckpointError(
        `${error.message}. ${whole} is whole: to resume from it, write ${basename(whole)} into ${join(directory, LATEST_FILE)}`,
        { cause: error },
      )
    onDamaged(`${error.message}. ${whole} is whole: going on from there`)
    return loadCheckpoint(whole, options)
  }
}

/** The path of the checkpoint that 'latest' names. */
async function latestOf(directory: string, names: readonly string[]): Promise<string> {
  if (!names.includes(LATEST_FILE))
    throw new DamagedCheckpointError(`${directory} holds checkpoints but no file 'latest'`)
  const path = join(directory, LATEST_FILE)
  const latest = (await readFile(path, 'utf8')).trim()
  if (stepOfName(latest) === undefined)
    throw new DamagedCheckpointError(`${path} names ${JSON.stringify(latest)}; expected a checkpoint`)
  return join(directory, latest)
}

/** One checkpoint directory, verified: every file has the size and the sha256 it was written with. */
export async function loadCheckpoint(path: string, { configHash }: LoadOptions = {}): Promise<Checkpoint> {
  const manifest = await verify(path)
  if (configHash !== undefined && configHash !== manifest.configHash)
    throw new CheckpointError(
      `${path} was made with another configuration than this run's; resume with the configuration it was made with, or train into another directory`,
    )
  return {
    path,
    step: manifest.step,
    configHash: manifest.configHash,
    state: manifest.state,
    restoreWeights: (into) => restore(join(path, WEIGHTS_FILE), into),
    restoreOptimizer: (into) => restore(join(path, OPTIMIZER_FILE), into),
    openOptimizer: (shapes) => openReader(join(path, OPTIMIZER_FILE), shapes),
  }
}

/** Files that are not what was written: another checkpoint may help. */
class DamagedCheckpointError extends CheckpointError {}

async function verify(path: string): Promise<Manifest> {
  const manifestPath = join(path, MANIFEST_FILE)
  const text = await readFile(manifestPath, 'utf8').catch((cause: unknown) => {
    throw new DamagedCheckpointError(`${manifestPath} is missing or unreadable`, { cause })
  })
  let manifest: Manifest
  try {
    manifest = parseManifest(text, manifestPath)
  } catch (cause) {
    throw new DamagedCheckpointError((cause as Error).message, { cause })
  }
  for (const [name, expected] of Object.entries(manifest.files)) await verifyFile(join(path, name), expected)
  return manifest
}

async function verifyFile(file: string, expected: { bytes: number; sha256: string }): Promise<void> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new DamagedCheckpointError(`${file} is missing or unreadable`, { cause })
  })
  if (found.size !== expected.bytes)
    throw new DamagedCheckpointError(
      `${file} has ${found.size} of ${expected.bytes} bytes: it was truncated or altered`,
    )
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  if (hash.digest('hex') !== expected.sha256)
    throw new DamagedCheckpointError(`${file} does not match its sha256: it was altered`)
}

async function newestWhole(directory: string, steps: readonly number[]): Promise<string | undefined> {
  for (const step of [...steps].sort((a, b) => b - a)) {
    const path = join(directory, checkpointName(step))
    const whole = await verify(path).catch((error: unknown) => {
      if (error instanceof DamagedCheckpointError) return undefined
      throw error
    })
    if (whole !== undefined) return path
  }
  return undefined
}

async function restore(file: string, into: ReadonlyMap<string, TensorToRestore>): Promise<void> {
  await using table = await SafetensorsFile.open(file)
  const wanted = [...into].map(([name, { shape, data }]) => [name, { shape, into: data }] as const)
  await loadStrict(table, new Map(wanted))
}

async function openReader(
  file: string,
  shapes: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): Promise<TensorReader> {
  const table = await SafetensorsFile.open(file)
  try {
    checkTensors(table, new Map([...shapes].map(([name, { shape }]) => [name, shape])))
  } catch (error) {
    await table.close()
    throw error
  }
  return { read: (name) => table.readFloat32(name), [Symbol.asyncDispose]: () => table.close() }
}
